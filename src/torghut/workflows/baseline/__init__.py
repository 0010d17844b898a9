"""Baselines: captured from a log, kept under their digest, compared with what came later."""
