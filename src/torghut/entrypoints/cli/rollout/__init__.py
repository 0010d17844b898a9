"""``torghut rollout``: what became of a candidate, for those who did not see it happen."""
