"""Recurrent networks: cells, training, and the baselines their scores stand beside."""
