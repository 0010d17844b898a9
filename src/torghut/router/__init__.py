"""From market state to the share each expert gets: regime filter, expert scores, weights."""
