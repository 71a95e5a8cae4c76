"""Baselines: other ways to get states, and predictors that need none."""
