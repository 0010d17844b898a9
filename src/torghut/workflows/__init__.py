"""Process managers: the decision loop, replay, and what else coordinates several areas."""
