"""Traces to a collector that speaks OpenTelemetry's protocol over HTTP; an extra."""
