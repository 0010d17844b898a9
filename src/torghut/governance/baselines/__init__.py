"""What a baseline is compared by, and when something got worse."""
