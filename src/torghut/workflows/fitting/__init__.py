"""Fitting a regime package: reading the window, fitting, and putting it together."""
