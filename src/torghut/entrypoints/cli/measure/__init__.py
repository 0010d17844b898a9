"""``torghut slo``, ``exposure`` and ``baseline``: what is measured of decisions that were made."""
