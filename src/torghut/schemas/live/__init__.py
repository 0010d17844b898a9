"""What the live service and its clients say to each other; needs no numpy."""
