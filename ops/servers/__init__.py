"""Real servers for development and tests: started on free ports, stopped without a trace."""
