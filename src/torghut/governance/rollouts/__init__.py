"""A candidate's rollout: seven phases as events, and the phase manifest folded from them."""
