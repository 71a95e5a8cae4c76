"""Which restarts of a sweep keep their parameters."""

from __future__ import annotations

from hmmlens.hmm.engine.initialisation import is_wide
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.stats.ties import first_best, slack


def keep(
    fits: dict[int, tuple[float, HiddenMarkovModel]], wide: bool
) -> dict[int, HiddenMarkovModel]:
    """Return the model of the highest likelihood, and that of the other kind of initialisation.

    From k-means centres EM finds states that are places, from wide initialisations also those that
    share a place. The latter are more often the most likely, the former more often the states that
    a network uses, which likelihood cannot decide.

    Parameters
    ----------
    fits : dict
        Restart -> its log-likelihood and its model.
    wide : bool
        Whether every other restart began wide.

    Returns
    -------
    dict of int to HiddenMarkovModel
        The most likely restart first; then, of the restarts of the other kind, the most likely,
        unless it is as likely as the first. Empty where every fit broke down.
    """

    def _best(restarts: list[int]) -> int:
        return restarts[first_best([fits[restart][0] for restart in restarts])]

    if not fits:
        return {}
    first = _best(list(fits))
    kept = {first: fits[first][1]}
    others = [one for one in fits if wide and is_wide(one) != is_wide(first)]
    if others:
        second = _best(others)
        difference = fits[first][0] - fits[second][0]
        if difference > slack(fits[first][0]):
            kept[second] = fits[second][1]
    return kept
