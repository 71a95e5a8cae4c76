"""The verdict on a network: what is measured of it, the rules, and the grade.

``recorded`` prepares what was recorded of a layer, ``measurements`` are what ``numbers`` are read
from, ``rules`` compare these with thresholds, and ``verdict`` gives the grade. ``evidence`` is the
one call, which ``verdict_inputs`` prepares from stores and tables. ``competence`` is the rule about
the task, ``state_count`` how certain a number is.
"""
