"""What Kafka carries: ``torghut feed`` sends it, ``worker`` decides it, ``audit`` looks it over."""
