"""Sources that bring contexts as they happen, and get no answer: lines on stdin or a socket."""
