"""The scheduler's cycles as events: one after the other, each ended once."""
