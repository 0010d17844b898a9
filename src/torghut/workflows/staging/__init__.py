"""The stages and the ladder at work: streams read, evidence looked at, commands decided."""
