"""Grafana: the generated dashboards read, previewed and published."""
