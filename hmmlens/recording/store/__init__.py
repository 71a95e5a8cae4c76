"""Stores of recordings: written in parts, resumed, and identified by what made them."""
