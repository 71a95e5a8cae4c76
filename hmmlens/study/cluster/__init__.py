"""SLURM clusters: what jobs need, what a site calls things, and jobs that were left behind.

``needs`` is the memory and time that a job asks for, by ``sizes``, how large its work is; ``asked``
decides on a GPU, and ``site`` holds the names of one cluster. ``runs`` allows one run of a study at
a time, ``queue`` reads SLURM's queue, and ``watch`` reports a run that stands still.
"""
