"""``torghut drift``: what a window of a log says about drift, and what that hangs on."""
