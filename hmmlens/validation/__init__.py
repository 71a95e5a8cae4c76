"""Checks of an explanation: ceilings, fidelity to the network, agreement with the truth.

The verdict begins in ``verdict_inputs``, which prepares it from stores and tables, ``recorded``,
what was recorded of a layer, and ``evidence``, the one call: ``measurements`` are what ``numbers``
are read from, ``rules`` compare these with thresholds, and ``verdict`` gives the grade.
``competence`` is the rule about the task, ``state_count`` how certain a number is.

Models are scored by ``scorecard``; ``fidelity`` is that of the same step, ``forecast`` that of
later steps and ``closed_loop`` that to the end of a sequence, all on ``input_output``. A
``chosen_model`` has ``checks``, with ``markov_checks`` of its transitions, ``null_tests`` against
chance and ``stability`` over fits.
``ceilings`` are the limits of a task; ``belief`` and ``model_distance`` are for datasets whose
model is known. ``baselines`` are other ways to get states or to predict outputs, and ``settings``
what a study sets.
"""
