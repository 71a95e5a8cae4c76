"""Hold a study of emulating networks against what is promised of them, and beside the paper.

The study has one folder per training, ``results/{study}/{network}/{seed}``, with a folder of
tables (CSV) for each step of the work. Networks take part in some steps only: where one did not,
the folder is missing. Where a step could say nothing, as of a network whose states run away, its
folder has ``refused.csv`` (one row: ``reason``) instead of what it could not tell.

=============  =====================================================================================
``trained/``   ``network.safetensors``, ``checkpoints.safetensors``
               (:mod:`hmmlens.emulation.checkpoints`), ``history.csv``
               (:data:`hmmlens.emulation.training.HISTORY`), ``outcome.csv`` (one row:
               ``diverged, n_updates, skipped, max_hidden`` of the last update, ``rate``),
               ``plateau.csv`` (one row: ``level, level_low, level_high, floor, floor_low,
               floor_high`` of the objective, and the fields of
               :class:`hmmlens.dynamics.plateau.Plateau`)
``scores/``    ``metrics.csv`` (:data:`hmmlens.emulation.metrics.COLUMNS`), ``stability.csv`` (one
               row: ``lyapunov, low, high, first, last, largest, left``, see
               :mod:`hmmlens.emulation.stability`)
``reverse/``   one CSV for each table of :func:`hmmlens.dynamics.reverse.reverse_engineer`, and
               ``pictures/``, what :func:`hmmlens.dynamics.reverse.pictures` returns for figures
``kicks/``     one CSV for each table of :func:`hmmlens.dynamics.kick_analysis.kick_analysis`,
               without the ``kick_`` in front of its name (``kicks``, ``units``, ``gated``, ...)
``states/``    one CSV for each table of
               :func:`hmmlens.dynamics.state_study.states_and_dynamics`
=============  =====================================================================================

Each of these folders also has ``cost.csv`` (one row: ``cpu_seconds, memory_mb``).
``bias/{target}/`` has the tables of :mod:`hmmlens.emulation.bias` (``values, summary, best_factor,
shrinkage``).

What is gathered lies in ``results/{study}/tables``. Every table of a step is one file
``{step}_{table}.csv`` there (``trained_history``, ``scores_metrics``, ``reverse_orbits``,
``kicks_refused``, ...), with ``network, target, seed`` in front; ``bias_{table}.csv`` has
``target`` in front. Pictures are not gathered: figures read them from the folders of the networks.
A table without any rows in the whole study has no file. Beside them:

==============  ====================================================================================
``networks``    one row a training: ``network, target, seed``, its settings ``cell, n_units,
                n_noise, bias, leak, objective, n_steps, batch_size, n_updates``; ``diverged, loss``
                (median of the last tenth of the updates), ``floor, loss_ratio`` (loss over floor),
                ``transition_error, largest_transition_error, lyapunov, left``, ``stable`` (whether
                all that is asked of a stable target holds), ``cpu_training, cpu_analyses``
``targets``     ``target, matrix`` (startprob, transmat, emissionprob), ``row, column, value``
``gates``       what is promised: ``gate, limit`` (at least, at most), ``wanted, value, low, high,
                n, outcome`` (reached, missed, reported, not asked)
``paper``       ``topic, what, target, paper`` (the number, or its range, as text), ``paper_low,
                paper_high, source`` (where it stands and how it was got from there), ``ours, low,
                high, n`` (networks), ``answer`` (agrees, differs, not testable at this scale, not
                asked), ``rule``
``answers``     ``question`` (bias, homogeneity, plateau), ``part`` (its order), ``sentence``
``cost``        ``step, network, n, cpu_seconds`` (mean), ``memory_mb`` (largest)
==============  ====================================================================================
"""

from __future__ import annotations
