"""A candidate and its rivals re-decided on the same contexts, each with a book of its own."""
