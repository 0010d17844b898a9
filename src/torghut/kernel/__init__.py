"""Ids, clocks, canonical bytes, digests, exact mathematics: what everything else stands on."""
