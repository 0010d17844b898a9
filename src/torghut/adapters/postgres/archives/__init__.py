"""Blocks that are no longer in rows: what is on record of them, and the files that have them."""
