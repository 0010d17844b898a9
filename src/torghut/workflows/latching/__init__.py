"""The stop latch in the hands of people: how it stands, and its release."""
