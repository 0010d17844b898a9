"""Kafka through aiokafka: topics, a group's member, a reader of whole topics, a voice."""
