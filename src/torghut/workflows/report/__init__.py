"""What a run report is made of: counts, books, courses and pace, each in constant memory."""
