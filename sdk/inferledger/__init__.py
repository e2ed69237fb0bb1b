"""Record inference calls as OpenTelemetry spans."""
