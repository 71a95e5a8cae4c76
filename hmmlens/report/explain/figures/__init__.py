"""Figures of a network that is explained."""
