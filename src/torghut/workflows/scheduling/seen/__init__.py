"""What a look at a log adds up: counts of a window, and governance's own control records."""
