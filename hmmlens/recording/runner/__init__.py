"""Runners of torch modules: the states of a batch, kept free of padding.

``torch_module`` runs a module, in the mode of ``evaluation``; ``padding`` runs sequences of
different lengths through it; and ``step_outputs`` makes an output for every step of modules that
return one for each sequence, from ``part_outputs``. ``differences`` compares two runs.
"""
