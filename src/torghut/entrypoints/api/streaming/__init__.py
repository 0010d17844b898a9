"""The WebSocket: outcomes and heartbeats down, contexts and control records up."""
