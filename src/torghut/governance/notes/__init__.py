"""Notes of the scheduler's cycles: for people to read, with one block for machines."""
