"""Passes forwards and backwards over sequences.

``estep`` is that of EM in NumPy and ``estep_torch`` in torch, ``longpass`` that of few long
sequences, ``filtering`` and ``input_driven_pass`` those of padded ones. ``logspace`` is exact
where scaled passes are not, and ``rescue`` finds where that is.
"""
