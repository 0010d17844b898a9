"""The fold: what a run remembers, and how control records find their place in it."""
