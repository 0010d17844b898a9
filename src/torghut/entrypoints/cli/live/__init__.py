"""Commands that talk to a live service, as any trading loop does."""
