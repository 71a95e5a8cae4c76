"""Baselines: other ways to get states, and predictors that need none.

Begin with ``registry``, which names all of them. ``comparison`` compares a chosen model with
``methods``, other ways to get states, and ``predictors`` of outputs. Parts of these are
``codebook``, ``automata``, ``linear``, ``outputs`` and ``constant``. ``raw_inputs`` and
``reservoir`` are controls.
"""
