"""Layouts of a log in PostgreSQL, as Alembic makes each from the one before."""
