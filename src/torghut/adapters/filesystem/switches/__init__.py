"""Switch files: read by every worker, put there by whoever throws, taken away once released."""
