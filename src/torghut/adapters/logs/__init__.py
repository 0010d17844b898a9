"""What every store of a log does alike: texts in its rows, judgements of verifying."""
