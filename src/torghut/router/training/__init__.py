"""Fits what a router package holds, offline: the regime model and its confidence."""
