"""The file of heads beside a log: its lines, and keeping it up with the log."""
