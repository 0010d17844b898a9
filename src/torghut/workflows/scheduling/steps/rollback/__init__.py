"""A rollback, from what demands it to what proves it."""
