"""Figures of networks that emulate hidden Markov models."""
