"""Reasoning: what is shown to whoever advises, how far an answer counts, and when nobody is asked.

Everything here is pure. The program that asks, and the endpoint that it asks, are adapters.
"""
