"""What runs beside the service in processes of its own, and never in its way."""
