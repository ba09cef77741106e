"""What runs inside the engine's process: read attention, never disturb serving."""
