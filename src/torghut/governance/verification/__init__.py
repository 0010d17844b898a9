"""Checks of a phase manifest for a reader who trusts nobody: document, evidence, origin."""
