"""``torghut run``: decide a source into a log, from its beginning or from where the log ends."""
