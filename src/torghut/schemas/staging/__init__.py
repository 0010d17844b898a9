"""What the rollout's stages are shown by: windows, baselines, reports of tests, records."""
