"""The demonstration: a small invented world, a placeholder model that reads it, and its traffic."""
