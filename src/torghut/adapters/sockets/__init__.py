"""Streams of bytes that somebody else opens: who connects, and how every connection ends."""
