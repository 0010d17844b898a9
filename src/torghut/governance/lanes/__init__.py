"""The lane's queue: which candidates wait, which one is at work, how the others ended."""
