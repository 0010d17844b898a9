"""What stops, warns, withdraws and proves: deciders whose only memory is their events."""
