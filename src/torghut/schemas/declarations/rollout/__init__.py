"""How candidates are run, judged and governed: the evaluation and the scheduler."""
