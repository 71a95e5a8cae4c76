"""Published recordings."""
