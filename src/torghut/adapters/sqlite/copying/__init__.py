"""What a log in a file shows to those who copy it."""
