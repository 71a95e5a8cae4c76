"""How a network that emulates a hidden Markov model works inside.

``pipeline`` is the reverse engineering of one network, with its settings in ``settings``; its
stages share ``context``. After fixed points (:mod:`hmmlens.dynamics.fixed_points`) these are:
``orbits``, which measures ``rotation``; ``residency``, the regions of state space;
``noise_sensitivity``; ``subspaces``; ``stochastic_resonance``, which measures ``regularity`` and
``coherence``; and ``along_training``. ``plot_data`` prepares figures.

Other jobs and the report call ``outcome``, the end of a training, with ``plateau``, the plateau of
its loss; ``metrics``, which compares ``samples`` of a network and of its target;
``objective_bias``, which compares ``reference_generators``; and ``comparison``, of networks trained
by two objectives.
"""
