"""What a run leaves for reviewers, so that they compute its judgement again."""
