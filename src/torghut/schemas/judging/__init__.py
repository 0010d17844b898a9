"""What judges read, kept so that others can judge again."""
