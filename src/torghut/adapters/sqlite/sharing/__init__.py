"""A log that several processes write, each only for as long as it has something to say."""
