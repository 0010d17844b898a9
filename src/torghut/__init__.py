"""Torghut governs the decisions of a trading loop: every one explained, durable, reproducible."""
