"""Figures of a study. Functions take tables and arrays and return a figure and its source table."""
