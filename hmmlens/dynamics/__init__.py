"""Dynamics of any network with a step, see :mod:`hmmlens.dynamics.protocol`."""
