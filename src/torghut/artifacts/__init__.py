"""Content-addressed packages: named by digest, verified at every load."""
