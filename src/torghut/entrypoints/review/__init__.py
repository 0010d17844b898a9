"""The page of one run for whoever reviews it: self-contained, without a script, in two minutes."""
