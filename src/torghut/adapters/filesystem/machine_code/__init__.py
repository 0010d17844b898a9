"""Machine code in folders that nobody else can write."""
