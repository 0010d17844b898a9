"""Advice in the live loop: what waits for it, and what ends the wait."""
