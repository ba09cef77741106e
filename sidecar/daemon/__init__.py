"""The sidecar process: takes samples in, hands them to sinks, answers over HTTP."""
