"""The composition roots of advice: who asks, who is asked, and what the environment says of it."""
