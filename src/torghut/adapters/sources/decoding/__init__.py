"""From lines to contexts: a fast scanner for what looks as it should, careful judges for the rest."""
