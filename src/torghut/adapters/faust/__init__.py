"""Faust: another membership over the same handlers, for teams that run it."""
