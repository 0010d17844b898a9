"""What the commands share that read a log: times, which log, and accounts for people."""
