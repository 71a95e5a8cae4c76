"""Round trips: from a task whose answer is known to a trained network, and back to states.

``pipeline`` runs one network through all of it: ``preparation`` trains and records it, ``grades``
judges it, its controls and surrogates, ``recovered`` compares its states with the true ones,
``baselines`` are other predictors of its output, ``generated`` compares its beliefs and the
sequences that it generates with the target. The criteria for all networks together are in
:mod:`hmmlens.report.roundtrip.criteria`. ``suite`` keeps networks for all tasks whose answer is
known, ``suite_verdicts`` judges them and their controls, and ``suite_rates``, ``suite_roc``,
``suite_ablation``, ``suite_learning`` and ``suite_agreement`` are the error rates of the verdict by
those tables.
``settings`` holds the settings of all of these.
"""
