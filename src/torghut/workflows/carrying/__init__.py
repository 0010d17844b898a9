"""Deciding what a broker carries: one live loop for each partition, as many as there are workers.

A worker is a member of a group; each partition that it gets is a live loop of its own over that
partition's chain. The log says where it goes on, what became durable is published from the log.
"""
