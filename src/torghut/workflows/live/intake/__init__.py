"""On the way in: stamped, held back where too much waits, and marked late where it is."""
