"""Figures in the text format that Prometheus collects."""
