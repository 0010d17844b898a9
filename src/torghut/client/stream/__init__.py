"""The connections to the live service: kept, put in order, and judged by their heartbeats."""
