"""How the future gets into a decision: contexts after a cut made others, bars dated too early."""
