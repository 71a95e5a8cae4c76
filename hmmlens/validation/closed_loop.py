"""States alone against the network alone (M9c): both run freely, and what they say is compared.

A network that predicts symbols is run on its own draws, and so are the states: compare the two by
:mod:`hmmlens.stats.ngrams`. With the true inputs given, the states are read once, at the
first step, and then run to the sequence's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.typing import Floats, Ints

if TYPE_CHECKING:
    import torch

    from hmmlens.rnn.recurrent_network import RecurrentNetwork


#: Points of each cloud that the energy distance looks at; it compares all pairs.
ENERGY_POINTS = 1000


def read_once(first: Floats, transmat: Floats, classes: Ints) -> Floats:
    """Return P(state_t | activation at the first step, inputs up to t) (sequence, time, state).

    Parameters
    ----------
    first : (sequence, state), the filtered posterior at the first step.
    transmat : (class, state, next_state)
    classes : (sequence, time)
    """
    distributions = np.empty((*classes.shape, first.shape[1]))
    distributions[:, 0] = first
    for t in range(1, classes.shape[1]):
        distributions[:, t] = (distributions[:, t - 1, None] @ transmat[classes[:, t]])[:, 0]
    return distributions


def draw(distributions: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw one category for each row of (row, category)."""
    upto = distributions.cumsum(axis=1)
    drawn: NDArray[np.int64] = (upto <= rng.random(len(distributions))[:, None] * upto[:, -1:]).sum(
        axis=1
    )
    return drawn


def speak(
    network: RecurrentNetwork, prompts: torch.Tensor, n_steps: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Let a network that predicts symbols hear its own draws.

    Parameters
    ----------
    prompts : (sequence, time) symbols that it hears before.

    Returns
    -------
    symbols : (sequence, n_steps), what it says after the prompt.

    Raises
    ------
    DataError
        When the network does not take symbols and give them.
    """
    import torch

    if not (network.symbols_in and network.symbols_out):
        raise DataError("only a network that takes symbols and predicts symbols can hear itself")
    state = network.start(len(prompts))
    said = np.empty((len(prompts), n_steps), dtype=np.int64)
    with torch.inference_mode():
        for t in range(prompts.shape[1]):
            state = network.step(state, prompts[:, t])
        for t in range(n_steps):
            distribution = network.readout(state).double().softmax(dim=1).cpu().numpy()
            said[:, t] = draw(distribution, rng)
            state = network.step(state, torch.from_numpy(said[:, t]).to(prompts.device))
    return said


def energy_distance(one: Floats, two: Floats, rng: np.random.Generator) -> float:
    """Return 2 E|X - Y| - E|X - X'| - E|Y - Y'| of two clouds (point, output).

    Szekely & Rizzo 2013. 0 for equal laws only; in units of the output. Clouds of more than
    :data:`ENERGY_POINTS` points are thinned at random.
    """
    from scipy.spatial.distance import cdist

    clouds = [
        cloud
        if len(cloud) <= ENERGY_POINTS
        else cloud[rng.choice(len(cloud), ENERGY_POINTS, replace=False)]
        for cloud in (one, two)
    ]
    across = cdist(*clouds).mean()
    return float(2 * across - sum(cdist(cloud, cloud).mean() for cloud in clouds))
