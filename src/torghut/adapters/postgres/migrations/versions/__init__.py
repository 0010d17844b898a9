"""One module for each layout."""
