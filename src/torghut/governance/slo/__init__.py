"""Whether the runtime keeps what is promised of it, window by window."""
