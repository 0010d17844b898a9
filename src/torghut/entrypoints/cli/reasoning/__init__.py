"""``torghut reasoning``: the process that asks a model for advice."""
