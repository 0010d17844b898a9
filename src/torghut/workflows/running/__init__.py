"""Deciding one source into one log: taken up where the log ends, paced, stopped, summed up."""
