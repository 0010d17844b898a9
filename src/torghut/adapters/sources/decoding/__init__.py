"""From lines to contexts: a fast scanner for ordinary lines, careful judges for the rest."""
