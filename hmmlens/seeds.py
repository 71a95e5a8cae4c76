"""Seeds derived from the study's seed and a job's own name, never from the order of jobs."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(study_seed: int, *names: str | int) -> int:
    """Return a 32-bit seed for the job called ``names``.

    The same study seed and names give the same number on every machine and in every order of
    jobs (``numpy.random.SeedSequence``).

    Parameters
    ----------
    study_seed : int
        Seed of the study.
    *names : str or int
        Names of the job.

    Returns
    -------
    int
        From 0 to 2**32 - 1.

    Examples
    --------
    >>> derive_seed(0, "sweep", 1) == derive_seed(0, "sweep", 1) != derive_seed(0, "sweep", 2)
    True
    """
    digest = hashlib.sha256("/".join(str(name) for name in names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4")
    return int(np.random.SeedSequence([study_seed, *words.tolist()]).generate_state(1)[0])
