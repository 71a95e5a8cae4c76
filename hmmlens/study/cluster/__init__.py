"""SLURM clusters: what jobs need, what a site calls things, and jobs that were left behind."""
