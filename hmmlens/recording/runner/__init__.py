"""Runners of torch modules: the states of a batch, kept free of padding."""
