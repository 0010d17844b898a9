"""How a broker is reached and who is let in, alike for the service and for a trading loop."""
