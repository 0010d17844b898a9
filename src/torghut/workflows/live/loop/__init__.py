"""The loop itself: take, decide, make durable, tell; and go on whatever the log does."""
