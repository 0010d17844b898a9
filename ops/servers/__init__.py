"""Private servers for development and tests: started in a temporary folder, gone when stopped."""
