"""``torghut status``: how every worker stands, from its page, whatever else is down."""
