"""``torghut latch``: the stop latch that governance closes, and how people open it.

Not ``stop``: that is the name of a switch, which people throw and ``torghut switch release stop``
releases. What governance closed is opened here, by signatures, and by nothing else.
"""
