"""The only truth: hash-chained blocks and streams, and what is projected from them."""
