"""``torghut endpoint``: something to ask where there is no model, and something that misbehaves."""
