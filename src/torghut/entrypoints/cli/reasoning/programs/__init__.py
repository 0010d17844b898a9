"""``torghut reasoning`` about programs: made from a log, judged on it, promoted by the lane."""
