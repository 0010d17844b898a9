"""Who serves, who contends, who served: by promotions that are earned and can be taken back."""
