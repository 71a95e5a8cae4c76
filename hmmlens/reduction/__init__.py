"""Reduce recorded states to few components."""
