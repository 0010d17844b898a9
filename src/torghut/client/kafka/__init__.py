"""Brokers between a trading loop and its service; loaded only where an address names them."""
