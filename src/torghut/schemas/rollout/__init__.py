"""What is said of a candidate's rollout: events, gates, phase manifest, evidence."""
