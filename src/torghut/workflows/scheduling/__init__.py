"""The scheduler of governance: one cycle after the other, each leaving a note."""
