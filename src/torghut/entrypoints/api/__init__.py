"""The live service over HTTP and WebSocket: what is asked is checked, and told in typed JSON."""
