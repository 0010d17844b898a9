"""Market context: what is admitted, and the features that follow from it."""
