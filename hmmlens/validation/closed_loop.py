"""Closed-loop fidelity: states and network run freely, and their outputs are compared.

A network that predicts symbols is run on its own samples, and so are the states: compare the two by
:mod:`hmmlens.stats.ngrams`. With the true inputs given, the states are inferred once, at the first
step, and then run to the sequence's end.
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


#: Largest number of points of each cloud of the energy distance, which compares all pairs.
ENERGY_POINTS = 1000


def read_once(first: Floats, transmat: Floats, classes: Ints) -> Floats:
    """Return P(state_t | activation at the first step, inputs up to t).

    Parameters
    ----------
    first : ndarray of shape (sequence, state)
        Filtered posterior at the first step.
    transmat : ndarray of shape (class, state, next_state)
        Transition probabilities for each class of inputs.
    classes : ndarray of shape (sequence, time)
        Class of each input.

    Returns
    -------
    ndarray of shape (sequence, time, state)
        State probabilities.
    """
    distributions = np.empty((*classes.shape, first.shape[1]))
    distributions[:, 0] = first
    for t in range(1, classes.shape[1]):
        distributions[:, t] = (distributions[:, t - 1, None] @ transmat[classes[:, t]])[:, 0]
    return distributions


def sample_categories(distributions: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Sample one category for each distribution.

    Parameters
    ----------
    distributions : ndarray of shape (row, category)
        Probabilities, or numbers in proportion to them.
    rng : numpy.random.Generator
        Source of the samples.

    Returns
    -------
    ndarray of shape (row,)
        Index of the category.

    Examples
    --------
    >>> sample_categories(np.array([[0.0, 1.0], [1.0, 0.0]]), np.random.default_rng(0)).tolist()
    [1, 0]
    """
    upto = distributions.cumsum(axis=1)
    categories: NDArray[np.int64] = (
        upto <= rng.random(len(distributions))[:, None] * upto[:, -1:]
    ).sum(axis=1)
    return categories


def generate_symbols(
    network: RecurrentNetwork, prompts: torch.Tensor, n_steps: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Run a network that predicts symbols on its own samples.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    prompts : Tensor of shape (sequence, time)
        Input symbols before the network's own.
    n_steps : int
        Number of symbols to generate.
    rng : numpy.random.Generator
        Source of the samples.

    Returns
    -------
    ndarray of shape (sequence, n_steps)
        Symbols after the prompt.

    Raises
    ------
    DataError
        When the network does not take symbols and predict them.
    """
    import torch

    if not (network.symbols_in and network.symbols_out):
        raise DataError(
            "only a network that takes symbols and predicts symbols can run on its own symbols"
        )
    state = network.start(len(prompts))
    symbols = np.empty((len(prompts), n_steps), dtype=np.int64)
    with torch.inference_mode():
        for t in range(prompts.shape[1]):
            state = network.step(state, prompts[:, t])
        for t in range(n_steps):
            distribution = network.readout(state).double().softmax(dim=1).cpu().numpy()
            symbols[:, t] = sample_categories(distribution, rng)
            state = network.step(state, torch.from_numpy(symbols[:, t]).to(prompts.device))
    return symbols


def energy_distance(one: Floats, two: Floats, rng: np.random.Generator) -> float:
    """Return 2 E|X - Y| - E|X - X'| - E|Y - Y'| of two clouds (Szekely & Rizzo 2013).

    Clouds of more than :data:`ENERGY_POINTS` points are thinned at random.

    Parameters
    ----------
    one, two : ndarray of shape (point, output)
        Clouds of points.
    rng : numpy.random.Generator
        Source of the thinning.

    Returns
    -------
    float
        0 for equal distributions only; in units of the output.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one, two = rng.normal(size=(200, 2)), rng.normal(loc=1.0, size=(200, 2))
    >>> energy_distance(one, two, rng) > energy_distance(one, rng.normal(size=(200, 2)), rng)
    True
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
