"""The decision kernel: one context and one state in, one explained decision out."""
