"""The scheduler on record: its cycles, their notes, and what it allots."""
