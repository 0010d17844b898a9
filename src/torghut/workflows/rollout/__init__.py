"""From the events of a rollout to the files that readers check, and back."""
