"""Writing a log: one thread that commits what was asked for, and what it keeps up."""
