"""Files: stores that are written whole or not at all, locks, and checks of what users give."""
