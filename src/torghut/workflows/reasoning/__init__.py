"""Asking for advice: who may ask, what is asked, and what the answers come to."""
