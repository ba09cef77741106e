"""Grafana dashboards, alert rules and runbooks as code; ``python -m dashboards`` writes them."""
