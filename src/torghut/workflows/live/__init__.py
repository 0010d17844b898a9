"""The live service: contexts and control records in as they come, outcomes out once durable."""
