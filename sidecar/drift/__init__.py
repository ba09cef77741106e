"""Drift: frozen baselines, detectors, and a monitor that raises alerts."""
