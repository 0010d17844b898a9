"""What governance puts on record: the events of its streams, and the values they carry."""
