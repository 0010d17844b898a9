"""Apache Kafka through aiokafka; its packages are the extra ``kafka``."""
