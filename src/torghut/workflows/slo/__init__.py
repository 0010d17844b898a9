"""What service levels are measured on: the decisions of a window, and what is kept beside them."""
