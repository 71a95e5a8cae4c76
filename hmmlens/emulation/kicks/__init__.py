"""Kick units: units that push a network out of a state.

``pipeline`` is the one call, with its settings in ``settings``. In the order of its work:
``candidates`` records unperturbed runs and ranks the units that rise before a network leaves a
label; ``first_exits`` measures when many changed copies of the network first leave it, which is the
outcome of most tests; ``group_selection`` grows a group of units by the effect of its ablation;
``groups`` does this for each exit and tests each group, with ``matched_sets``, the sets of units
that it is compared with, and ``intervention_tests``, the comparisons.

The other analyses start from these groups: ``gated_ablation`` ablates a group only while its label
lasts, ``dose_response`` multiplies units and noise, ``activity`` measures levels and spectra,
``gate_clamping`` finds the gate that matters in a GRU or an LSTM, ``connectivity`` the connections
between groups, and ``phase_plane`` prepares figures. ``kick_tables`` turns results into tables.
"""
