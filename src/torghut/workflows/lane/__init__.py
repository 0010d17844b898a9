"""The rollout lane: a candidate re-decided beside its rivals, judged, and put on record."""
