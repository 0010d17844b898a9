"""Who may use the doors of the live service, for what, and how often."""
