"""Recording and alert rules: one table, rendered for Prometheus, Kubernetes and Grafana."""
