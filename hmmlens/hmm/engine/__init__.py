"""Expectation-maximisation on NumPy, torch and hmmlearn; the public face is :mod:`hmmlens.hmm`."""
