"""Drift measured: from a window of a decision log to a verdict, with files that show it."""
