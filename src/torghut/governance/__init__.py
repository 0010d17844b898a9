"""What may be decided: gates and their owners, the portfolio's cap, what asks for advice."""
