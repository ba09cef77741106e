"""Attention sidecar: attention summaries sampled inside vLLM, published beside it."""

__version__ = "0.1.0"
