"""Triton code; nothing but `launch` is called from outside, and it is imported lazily."""
