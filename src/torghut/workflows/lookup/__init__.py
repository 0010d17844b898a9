"""Reading a log without changing it: find a decision, count, prove, and what was in force."""
