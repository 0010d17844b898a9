"""The way to an OpenAI-compatible endpoint, and between the loop and the process that asks it."""
