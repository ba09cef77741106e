"""Tapped layers on a GPU: kept and reduced on the engine's stream, read a step later."""
