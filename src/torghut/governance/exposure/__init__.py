"""How much exposure is given: step by step up while everything holds, and down at once."""
