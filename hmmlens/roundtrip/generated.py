"""Networks that predict the next symbol of a known model: their belief, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.roundtrip.preparation import Drawn, Seen
from hmmlens.roundtrip.recovered import split
from hmmlens.stats import ngrams
from hmmlens.validation import belief, closed_loop, model_distance
from hmmlens.validation.ceilings import model_of

#: Resamples of intervals and of nulls.
N_RESAMPLES = 200
#: Sequences and steps that are drawn for the Juang-Rabiner rate.
N_DRAWN, DRAWN_STEPS = 200, 200


def beliefs(drawn: Drawn, seen: Mapping[str, Seen], seed: int) -> pd.DataFrame:
    """Return how much of the exact belief a linear readout finds, and its controls.

    Parameters
    ----------
    seen : role -> the network as recorded, ``trained`` and ``untrained``; all on the same inputs.

    Returns
    -------
    DataFrame
        See :func:`hmmlens.validation.belief.belief_scores`.
    """
    recorded = seen["trained"].recorded
    symbols = recorded.inputs.astype(np.int64)
    exact = belief.exact_beliefs(
        model_of(drawn.data), symbols, drawn.data["truth_of"].to_numpy(), recorded.length
    )
    sources = {role: part.recorded.hidden for role, part in seen.items()}
    return belief.belief_scores(
        sources, exact, symbols, recorded.length, recorded.split, N_RESAMPLES, seed
    )


def said(drawn: Drawn, seen: Seen, n_states: int, n_restarts: int, seed: int) -> pd.DataFrame:
    """Compare what the network says when it hears itself with what its target says.

    Returns
    -------
    DataFrame
        ``score, value, low, high, null, p``: Jensen-Shannon divergence of words of 1 to 6 symbols
        (nats) against the test sequences; that of what the states say alone against the network's
        own speech; and the Juang-Rabiner rate (nats per step) of the tied
        hidden Markov model of the activations with as many states as the target, its states given
        the law of the symbols that the network has just heard.
    """
    rng = np.random.default_rng(seed)
    data, network = drawn.data, drawn.network
    inputs = data["input"].to_numpy()[data["split"].to_numpy() == 2]
    half = inputs.shape[1] // 2
    device = next(network.parameters()).device
    own = closed_loop.generate_symbols(
        network, torch.from_numpy(inputs[:, :half]).to(device), half, rng
    )
    n_symbols = int(data.attrs["n_symbols"])
    # Both continue the same prompts, so that they differ by what follows alone.
    rows = _words("words", own, inputs[:, half : 2 * half], n_symbols, rng)
    train, *_ = split(seen)
    sweep = HMMSweep([n_states], ("tied",), n_restarts=n_restarts, random_state=seed)
    model = sweep.fit(train.values, train.length).models_["tied", n_states]
    posteriors = model.filter(train.values, train.length).posteriors * train.inside[..., None]
    symbols = seen.recorded.inputs[seen.recorded.split == 0].astype(np.int64)
    # The state at a step is read after its symbol was heard, and emits that symbol.
    symbols = np.where(train.inside, symbols, -1)
    found = model_distance.symbol_model(
        model.startprob_, model.transmat_, posteriors, symbols, n_symbols
    )
    # The states alone against the network alone, after as many steps.
    alone, _ = sample_hmm(
        HMMParameters(found.startprob_, found.transmat_, found.emissionprob_),
        len(own), 2 * half, rng,
    )  # fmt: skip
    rows += _words("states alone, words", alone[:, half:], own, n_symbols, rng)
    rate = model_distance.juang_rabiner(model_of(data), found, N_DRAWN, DRAWN_STEPS, rng)
    rows.append({"score": "Juang-Rabiner rate", **rate._asdict(), "null": np.nan, "p": np.nan})
    return pd.DataFrame(rows)


def _words(
    name: str,
    said: NDArray[np.integer],
    other: NDArray[np.integer],
    n_symbols: int,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    table = ngrams.divergences(said, other, n_symbols, N_RESAMPLES, rng)
    columns = ("value", "low", "high", "null", "p")
    return [
        {"score": f"{name} of {int(row['n'])}"} | {k: row[k] for k in columns}
        for row in table.to_dict("records")
    ]
