"""Measurements, each beside a named baseline that is measured in the same run.

``python -m benchmarks --help`` tells how; ``docs/reference/benchmarks.md`` shows one run's figures.
"""
