"""Dynamics of any network with a step.

Begin with ``protocol``, which states what a network must have, and ``state_vectors``, in which
states are handled. ``rollouts`` runs networks, on inputs or on noise, and ``perturbations`` changes
them or their states. ``fixed_points`` are found by ``minimisation`` and described by ``jacobians``;
``endpoints`` are where networks settle on ``neutral_input``, counted by ``covering``; ``lyapunov``
measures stability. ``labels`` and ``forecasts`` are about the outputs of networks that are driven
by noise.
"""
