"""Sequences from files that users have: tables, NumPy archives, Zarr stores."""
