"""Figures of an explanation: those of a whole study, and those of each layer."""
