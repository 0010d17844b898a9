"""``torghut approval`` and ``torghut key``: who lets a candidate go to live, and by which key."""
