"""``torghut promotion``: who serves, who served before, and how that changes."""
