"""What the service lets others see of it: figures, log lines, traces; each can be left out."""
