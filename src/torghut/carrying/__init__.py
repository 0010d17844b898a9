"""What a broker carries: topics, keys, headers, and the messages that contexts and outcomes are."""
