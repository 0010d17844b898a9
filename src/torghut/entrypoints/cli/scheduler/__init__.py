"""``torghut scheduler``: governance in cycles, in a process of its own."""
