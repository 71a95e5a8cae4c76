"""Checks of an explanation: ceilings, fidelity to the network, agreement with the truth.

``grading`` gives the verdict on a network. ``certified`` are the states that its futures show, and
``certified_model`` is the model of them.

Models are scored by ``scorecard``; ``fidelity`` is that of the same step, ``forecast`` that of
later steps and ``closed_loop`` that to the end of a sequence, all on ``input_output``. A
``chosen_model`` is what ``model_checks`` check.
``ceilings`` are the limits of a task; ``belief`` and ``model_distance`` are for datasets whose
model is known. ``baselines`` are other ways to get states or to predict outputs, and ``settings``
what a study sets.
"""
