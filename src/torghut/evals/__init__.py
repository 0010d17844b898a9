"""Judgements about packages and kernels: look-ahead, baselines, scorecards."""
