"""The right to write governance: one holder at a time, told apart by their epochs."""
