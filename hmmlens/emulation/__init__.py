"""Networks that emit the symbols of a hidden Markov model out of noise (Torre et al. 2025).

``settings`` holds what a study sets. ``training`` trains a network, with the loss functions
``objectives`` and ``sinkhorn``, and ``checkpoints`` keeps its weights on the way. The analyses of
trained networks are packages, each with a ``pipeline`` to begin with: ``analysis`` (how they work),
``kicks`` (units that end a state) and ``states`` (compared with hidden Markov models). They share
``interventions``; ``exact_statistics`` are those of the target's symbols.
"""
