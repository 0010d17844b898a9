"""How far the rollout has come, and what it may do at most while it is there."""
