"""Recurrent policies that act in an environment, and their rollouts."""
