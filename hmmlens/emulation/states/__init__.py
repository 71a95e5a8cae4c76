"""States of a fitted hidden Markov model compared with the dynamics of the network.

``pipeline`` is the one call, with its settings in ``settings``. ``state_models`` fits the models,
``state_counts`` chooses their numbers of states, ``regions`` and ``recovery`` compare states with
regions of the dynamics and with the target's states, and ``interchange``, ``steering`` and
``ablation`` test what the models predict of interventions.
"""
