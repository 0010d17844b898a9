"""Serving an application over HTTP and WebSocket, bounded in everything a peer may ask for."""
