"""The run report for people: one self-contained page, one screen, and the same as JSON."""
