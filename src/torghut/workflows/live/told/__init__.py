"""On the way out: lines of durable blocks, for all who listen."""
