"""The steps of a cycle, one module each."""
