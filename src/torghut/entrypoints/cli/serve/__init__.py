"""``torghut serve``: the decision loop as a service, until it is asked to stop."""
