"""Measurements, each beside a named baseline that is measured in the same run.

``python -m benchmarks [NAME...] [--json] [--quick]``; see ``docs/reference/benchmarks.md``.
"""
