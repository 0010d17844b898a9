"""Composition roots: they alone choose implementations, each for one kind of process or command."""
