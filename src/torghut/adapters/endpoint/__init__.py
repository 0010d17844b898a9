"""An OpenAI-compatible endpoint that answers by rules, or misbehaves on command."""
