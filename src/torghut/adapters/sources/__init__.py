"""Recorded market data as sources: every record becomes a context, is quarantined, or controls."""
