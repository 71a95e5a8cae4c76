"""Recurrent networks: cells, training, loading, and adapters of published networks."""
