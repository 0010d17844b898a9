"""From a verified manifest, over signed answers, to a promotion that is on record."""
