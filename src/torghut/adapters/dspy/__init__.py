"""The DSPy program that advises. Importing it takes seconds: only the process that asks does."""
