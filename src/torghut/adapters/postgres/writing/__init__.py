"""Transactions of a log in PostgreSQL, and who waits for which of them."""
