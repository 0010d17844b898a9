"""``torghut switch``: what is thrown, throwing, releasing, and the drill."""
