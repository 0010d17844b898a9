"""What may be decided, and by whom: declared policies, and the controls whose memory is events."""
