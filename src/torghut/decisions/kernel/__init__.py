"""The compiled decision kernel: its pieces, its oracle, and the one door to it."""
