"""``torghut lane``: candidates submitted, run and listed."""
