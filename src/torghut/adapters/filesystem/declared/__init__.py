"""What stages are measured by, read from its files."""
