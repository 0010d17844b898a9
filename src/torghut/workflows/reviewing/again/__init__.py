"""What a manifest states, derived again from what it cites, beside what is recorded."""
