"""The log in one SQLite file with its heads beside it."""
