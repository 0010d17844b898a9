"""What can be asked of a log in PostgreSQL without changing it."""
