"""What each state is: how often, how long, what goes in, what comes out, what truth it meets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from hmmlens.hmm import storage
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.interpretation.contrast import contrast
from hmmlens.interpretation.dwells import dwells as estimated_dwells
from hmmlens.ragged import steps_inside
from hmmlens.recording.activations import output_distribution
from hmmlens.stats.ties import descending
from hmmlens.typing import Floats


def read_states(
    model: HiddenMarkovModel,
    observed: NDArray[np.generic],
    inputs: Floats,
    outputs: Floats,
    truth: NDArray[np.integer],
    length: NDArray[np.integer],
    n_truth: int,
    symbols: tuple[bool, bool] = (False, False),
) -> xr.Dataset:
    """Describe the states of ``model`` on recorded sequences, most frequent first.

    States are known by filtering. The order of states is by occupancy; every variable follows it.

    Parameters
    ----------
    observed : what the model was fitted to, (sequence, time, component) or (sequence, time).
    inputs, outputs : (sequence, time, feature), symbols one-hot or as probabilities.
    truth : (sequence, time), -1 where unknown; of ``n_truth`` kinds.
    symbols : whether inputs, and outputs, are symbols.

    Returns
    -------
    xr.Dataset
        ``posteriors`` (sequence, time, state), ``path`` (sequence, time) the likeliest state
        given the past, -1 past the end; ``startprob, occupancy`` (state); ``dwell, dwell_low,
        dwell_high, dwell_exits, dwell_steps`` (state), the mean dwell in steps with its interval,
        see :class:`hmmlens.interpretation.dwells.Dwells`; ``mean_dwell, model_dwell`` (state), the
        mean over whole visits, which is too short, and what the transition matrix expects, which
        knows no end of a sequence; ``transmat`` (state, next_state); ``input_mean, input_sd,
        input_deviation, input_spread`` and the same of ``output`` (state, feature), see
        :class:`hmmlens.interpretation.contrast.Contrast`; ``truth_share`` (state, truth), P(truth |
        state).
    """
    posteriors = model.filter(observed, length).posteriors
    inside = steps_inside(length, *posteriors.shape[:2])
    occupancy = posteriors[inside].mean(axis=0)
    order = descending(occupancy)
    posteriors = posteriors[:, :, order]
    path = np.where(inside, posteriors.argmax(axis=2), -1)
    transmat = model.transmat_[np.ix_(order, order)]
    compared = {
        name: contrast(posteriors[inside], values[inside], is_symbols)
        for name, values, is_symbols in zip(
            ("input", "output"), (inputs, outputs), symbols, strict=True
        )
    }
    lasting = estimated_dwells(path, len(order))
    known = inside & (truth >= 0)
    share = np.full((len(order), n_truth), np.nan)
    if known.any():
        joint = posteriors[known].T @ np.eye(n_truth)[truth[known]]
        share = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-12)
    with np.errstate(divide="ignore"):
        expected = 1 / (1 - np.diag(transmat))
    return xr.Dataset(
        {
            "posteriors": (("sequence", "time", "state"), posteriors.astype(np.float32)),
            "path": (("sequence", "time"), path.astype(np.int16)),
            "startprob": ("state", model.startprob_[order]),
            "transmat": (("state", "next_state"), transmat),
            "occupancy": ("state", occupancy[order]),
            "mean_dwell": ("state", mean_dwells(path, len(order))),
            "model_dwell": ("state", expected),
            "truth_share": (("state", "truth"), share),
            "dwell": ("state", lasting.estimate),
            "dwell_low": ("state", lasting.low),
            "dwell_high": ("state", lasting.high),
            "dwell_exits": ("state", lasting.exits),
            "dwell_steps": ("state", lasting.at_risk),
            **{
                f"{block}_{name}": (("state", block), values)
                for block, found in compared.items()
                for name, values in found._asdict().items()
            },
        }
    )


def read_picks(
    choices: pd.DataFrame, sweep: xr.Dataset, observed: NDArray[np.generic], **recorded: Any
) -> xr.Dataset:
    """Describe every chosen model of one sweep: :func:`read_states` along a dimension ``pick``.

    Models differ in their number of states; the gaps are NaN. The attribute ``picks`` names what
    chose each model, the variable ``n_states`` counts its states.

    Parameters
    ----------
    choices : ``pick, covariance_type, n_states``, one row per pick.
    sweep : the stored sweep.
    observed, recorded : what :func:`read_states` needs beside the model.
    """
    readings = []
    for pick in choices.itertuples():
        model = storage.model(sweep, str(pick.covariance_type), int(pick.n_states))
        reading = read_states(model, observed, **recorded)
        numbers = range(reading.sizes["state"])
        reading = reading.assign_coords(state=numbers, next_state=numbers)
        readings.append(reading.assign(n_states=int(pick.n_states)))
    result: xr.Dataset = xr.concat(readings, dim="pick", join="outer")
    return result.assign_attrs(picks=choices["pick"].tolist())


def interpret(
    choices: pd.DataFrame,
    sweep: xr.Dataset,
    reduced: xr.Dataset,
    root: xr.Dataset,
    sequences: xr.Dataset,
) -> xr.Dataset:
    """Return the ``explanation`` store of a layer: its chosen models, read on what was recorded.

    Parameters
    ----------
    choices : the chosen models of one reducer, with ``reducer``.
    sweep, reduced, sequences : stores of these kinds.
    root : of the ``activations`` store.
    """
    inputs = sequences["input"].to_numpy()[root["sequence"].to_numpy()]
    length = root["length"].to_numpy()
    if sequences.attrs["input_kind"] == "symbols":
        inside = steps_inside(length, *inputs.shape)
        inputs = np.eye(int(sequences.attrs["n_symbols"]))[np.where(inside, inputs, 0)]
    result = read_picks(
        choices,
        sweep,
        reduced["reduced"].to_numpy(),
        inputs=inputs.astype(np.float64),
        outputs=output_distribution(root["output"].to_numpy(), sequences.attrs["target_kind"]),
        truth=sequences["state"].to_numpy()[root["sequence"].to_numpy()].astype(np.int64),
        length=length,
        n_truth=len(sequences.attrs["state_names"]),
        symbols=(
            sequences.attrs["input_kind"] == "symbols",
            sequences.attrs["target_kind"] == "symbols",
        ),
    )
    result = result.assign(sequence_index=("sequence", root["sequence"].to_numpy()))
    return result.assign_attrs(reducer=choices["reducer"].iloc[0])


def dwells(path: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return state and length (visit) of every whole visit in ``path`` (sequence, time).

    Visits cut off by the start or end of a sequence are left out: their lengths are not known.
    """
    states, lengths = [], []
    for row in path:
        steps = row[row >= 0]
        edges = np.flatnonzero(np.diff(steps)) + 1
        if len(edges) < 2:
            continue
        states.append(steps[edges[:-1]])
        lengths.append(np.diff(edges))
    if not states:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(states).astype(np.int64), np.concatenate(lengths).astype(np.int64)


def mean_dwells(path: NDArray[np.integer], n_states: int) -> Floats:
    """Return the mean length in steps of each state's whole visits; NaN without any."""
    state, length = dwells(path)
    total = np.bincount(state, weights=length, minlength=n_states)
    count = np.bincount(state, minlength=n_states)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def state_outputs(posteriors: Floats, distribution: Floats) -> Floats:
    """Return the mean output law of each state (state, output), weighted by the posteriors.

    Parameters
    ----------
    posteriors : (sequence, time, state), filtered; 0 past a sequence's end.
    distribution : (sequence, time, output)
    """
    weight = posteriors.reshape(-1, posteriors.shape[-1])
    flat = distribution.reshape(-1, distribution.shape[-1])
    # What fills a sequence past its end is no output, not even of the average.
    seen = weight.any(axis=1)
    weight, flat = weight[seen], flat[seen]
    mass = weight.sum(axis=0)[:, None]
    # A state that no train step visits says what the average says.
    means: Floats = np.where(mass > 1e-9, weight.T @ flat / np.maximum(mass, 1e-9), flat.mean(0))
    return means
