"""Whether recorded states are the network's own.

``replay`` steps them through the layers' own weights, ``module_replay`` runs the rest of the module
with the stepped states, ``outputs`` compares what it then returns, and ``batch_independence`` runs
it once more with the sequences in other places.
"""
