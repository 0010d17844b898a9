"""Requests and their answers: what each path takes, does and tells."""
