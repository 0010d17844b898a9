"""Around a throw: what it leaves behind, the traffic patch beside it, and rehearsing it."""
