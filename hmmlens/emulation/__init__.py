"""Networks that emit the symbols of a hidden Markov model out of noise (Torre et al. 2025).

``network`` is the model, ``objectives`` what it is trained by, ``training`` the training,
``metrics`` how close it comes. How it works inside is asked by :mod:`hmmlens.dynamics`.
"""
