"""The made world of the demo: its market, packages, declarations and live loop."""
