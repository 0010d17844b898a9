"""What chance alone would show: blocks of steps, their resampling, and bounds drawn from it."""
