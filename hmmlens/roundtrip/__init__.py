"""From a task whose answer is known to a trained network, and back to states.

``trip`` runs one network through all of it: ``drawn`` makes and records it, ``grades`` judges it,
its controls and surrogates, ``returned`` compares its states with the true ones, ``baselines``
tells what else predicts its output, ``spoken`` what it believes and says. What is promised of all
networks together stands in :mod:`hmmlens.report.roundtrip.summary`.
"""
