"""What can be observed of the service: every metric and every log event, as closed sets."""
