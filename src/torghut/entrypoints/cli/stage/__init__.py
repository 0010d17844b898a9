"""``torghut stage`` and ``torghut governance``: where the rollout is, and what allows the next."""
