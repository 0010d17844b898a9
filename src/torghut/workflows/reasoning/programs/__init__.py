"""Compiled programs judged: what there is to learn from, what was answered, and what it shows."""
