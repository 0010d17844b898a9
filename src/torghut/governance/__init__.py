"""What may be decided and promoted, by whom, and on what evidence; all its memory is events."""
