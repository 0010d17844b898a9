"""The event log, its claims and the writer's lease in PostgreSQL; needs the extra ``postgres``."""
