"""Sequences with a split, a target and, where it is known, the truth."""
