"""Where people and processes come in: the command line and the report."""
