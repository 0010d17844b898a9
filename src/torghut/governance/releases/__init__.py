"""Releases of the stop latch: signed by people, and verified by whoever acts on them."""
