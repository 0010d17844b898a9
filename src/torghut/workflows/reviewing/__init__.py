"""A run for those who did not see it: listed, looked back at, exported, computed again, shown."""
