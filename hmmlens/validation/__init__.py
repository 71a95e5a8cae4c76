"""Checks of an explanation: ceilings, fidelity to the network, agreement with the truth."""
