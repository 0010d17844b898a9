"""Sharing the portfolio's cap among symbols, so that their sum never exceeds it."""
