"""``torghut topics``: what is declared of the topics, against what a cluster has."""
