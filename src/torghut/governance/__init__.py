"""What may be decided and promoted: gates and owners, rollouts, their manifests and checks."""
