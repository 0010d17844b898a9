"""What a stage is measured by: service levels, the exposure ladder, baselines, open risks."""
