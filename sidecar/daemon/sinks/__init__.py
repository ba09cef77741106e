"""Where samples go: one file for each sink."""
