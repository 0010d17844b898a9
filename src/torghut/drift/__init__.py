"""Whether something has changed against its baseline: verdicts, and no actions."""
