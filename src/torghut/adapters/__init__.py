"""The shell: one package per technology, each behind a port of the core."""
