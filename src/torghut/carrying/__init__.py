"""What the core knows about carrying records over a broker: topics, keys, plans, promises."""
