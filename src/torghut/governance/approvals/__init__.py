"""Who lets a candidate trade with money: asked for, granted by others, and used once."""
