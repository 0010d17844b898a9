"""What governance leaves on the disk for those who do not read its log."""
