"""Networks that emit the symbols of a hidden Markov model out of noise (Torre et al. 2025).

``objectives`` and ``sinkhorn`` are the loss functions, ``training`` the training, ``analysis``,
``kicks`` and ``states`` the analyses of trained networks, with the ``interventions`` that they
share.
"""
