"""Reductions of one query row's attention to the statistics of a sample."""
