"""A description of each state: occupancy, dwell times, inputs, outputs, and the truth in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from hmmlens.hmm import storage
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.interpretation.contrast import DEFAULT_CONTRASTS, ContrastSettings, contrast
from hmmlens.interpretation.dwells import dwells as estimated_dwells
from hmmlens.interpretation.input_events import InputEvents, of_store
from hmmlens.interpretation.input_transitions import input_transitions
from hmmlens.interpretation.start_up import start_up_steps
from hmmlens.interpretation.state_probabilities import filter_states
from hmmlens.interpretation.visits import mean_dwells
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
    settings: ContrastSettings = DEFAULT_CONTRASTS,
    events: InputEvents | None = None,
    input_transmat: Floats | None = None,
) -> xr.Dataset:
    """Describe the states of a model on recorded sequences, most frequent first.

    States are known by filtering, see
    :func:`hmmlens.interpretation.state_probabilities.filter_states`. The order of states is by
    occupancy; every variable follows it.

    Parameters
    ----------
    model : HiddenMarkovModel
        The model.
    observed : ndarray of shape (sequence, time, component) or (sequence, time)
        The observations to which it was fitted.
    inputs, outputs : ndarray of shape (sequence, time, feature)
        Inputs and outputs, symbols one-hot or as probabilities.
    truth : ndarray of shape (sequence, time)
        True states, -1 where unknown.
    length : ndarray of shape (sequence,)
        Number of steps.
    n_truth : int
        Number of true states.
    symbols : tuple of bool, optional
        Whether inputs, and outputs, are symbols.
    settings : ContrastSettings, optional
        Settings of the comparison of a state with all steps.
    events : InputEvents, optional
        Input events, see :func:`given_input`.
    input_transmat : ndarray of shape (event, state, next_state), optional
        Transition probabilities under each event, where they are known.

    Returns
    -------
    Dataset
        ``posteriors`` (sequence, time, state), ``path`` (sequence, time) the most likely state
        given the past, -1 past the end; ``startprob, occupancy`` (state); ``dwell, dwell_low,
        dwell_high, dwell_exits, dwell_steps`` (state), the mean dwell time in steps with its
        interval, see :class:`hmmlens.interpretation.dwells.Dwells`; ``mean_dwell, model_dwell``
        (state), the mean over whole visits, which is too short, and the expectation of the
        transition matrix, which knows no end of a sequence; ``start_up`` (state), see
        :func:`hmmlens.interpretation.start_up.start_up_steps`; ``transmat`` (state, next_state);
        ``input_mean, input_sd, input_deviation, input_spread, input_elsewhere`` and the same of
        ``output`` (state, feature), see :class:`hmmlens.interpretation.contrast.Contrast`;
        ``truth_share`` (state, truth), P(truth | state). With ``events`` also the variables of
        :func:`given_input`.
    """
    posteriors = filter_states(model, observed, length, events, input_transmat)
    inside = steps_inside(length, *posteriors.shape[:2])
    occupancy = posteriors[inside].mean(axis=0)
    order = descending(occupancy)
    posteriors = posteriors[:, :, order]
    path = np.where(inside, posteriors.argmax(axis=2), -1)
    transmat = model.transmat_[np.ix_(order, order)]
    compared = {
        name: contrast(posteriors[inside], values[inside], is_symbols, settings)
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
            "start_up": ("state", start_up_steps(path, len(order))),
            **{
                f"{block}_{name}": (("state", block), values)
                for block, contrasts in compared.items()
                for name, values in contrasts._asdict().items()
            },
        }
        | ({} if events is None else given_input(path, events, len(order)))
    )


def given_input(path: NDArray[np.integer], events: InputEvents, n_states: int) -> dict[str, Any]:
    """Return the variables that describe the transitions of a path given the input.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step, -1 past the end.
    events : InputEvents
        Events of the same steps.
    n_states : int
        Number of states.

    Returns
    -------
    dict of str to Any
        Of the ``explanation`` store: ``event_counts`` (event, state, next_state); the entropy of
        the next state in bits, ``entropy`` given the state and ``input_entropy`` given the input
        as well, their difference ``entropy_gain``, each with ``_low`` and ``_high``;
        ``composed``, see :class:`hmmlens.interpretation.input_transitions.InputTransitions`; and,
        where there is a neutral event, ``neutral_dwell`` (state) and its limits, as of ``dwell``.
    """
    found = input_transitions(path, events, n_states)
    variables: dict[str, Any] = {
        "event_counts": (("event", "state", "next_state"), found.counts),
        "composed": found.composed,
    }
    names = ("entropy", "input_entropy", "entropy_gain")
    for name, bits in zip(names, found.entropies, strict=True):
        variables |= {name: bits.value, f"{name}_low": bits.low, f"{name}_high": bits.high}
    if found.neutral_dwells is not None:
        ends = ("", "_low", "_high", "_exits", "_steps")
        for end, values in zip(ends, found.neutral_dwells, strict=True):
            variables[f"neutral_dwell{end}"] = ("state", values)
    return variables


def read_picks(
    choices: pd.DataFrame, sweep: xr.Dataset, observed: NDArray[np.generic], **recorded: Any
) -> xr.Dataset:
    """Describe every chosen model of one sweep: :func:`read_states` along a dimension ``pick``.

    Models differ in their number of states; the gaps are NaN. The attribute ``picks`` names what
    chose each model, the variable ``n_states`` counts its states.

    Parameters
    ----------
    choices : DataFrame
        ``pick, covariance_type, n_states, restart``, one row per pick.
    sweep : Dataset
        The stored sweep.
    observed : ndarray of shape (sequence, time, component) or (sequence, time)
        See :func:`read_states`.
    **recorded : Any
        The other arguments of :func:`read_states`.

    Returns
    -------
    Dataset
        The descriptions of all picks.
    """
    readings = []
    for pick in choices.to_dict("records"):
        model = storage.chosen_model(sweep, pick)
        reading = read_states(model, observed, **recorded)
        numbers = range(reading.sizes["state"])
        reading = reading.assign_coords(state=numbers, next_state=numbers)
        readings.append(reading.assign(n_states=int(pick["n_states"])))
    result: xr.Dataset = xr.concat(readings, dim="pick", join="outer")
    return result.assign_attrs(picks=choices["pick"].tolist())


def interpret(
    choices: pd.DataFrame,
    sweep: xr.Dataset,
    reduced: xr.Dataset,
    root: xr.Dataset,
    sequences: xr.Dataset,
    settings: ContrastSettings = DEFAULT_CONTRASTS,
    input_transmat: Callable[[InputEvents], Floats] | None = None,
) -> xr.Dataset:
    """Return the ``explanation`` store of a layer: its chosen models, described.

    Parameters
    ----------
    choices : DataFrame
        The chosen models of one reducer, with ``reducer``.
    sweep, reduced : Dataset
        Stores of the reducer.
    root : Dataset
        Root of the ``activations`` store.
    sequences : Dataset
        The ``sequences`` store.
    settings : ContrastSettings, optional
        Settings of the comparison of a state with all steps.
    input_transmat : callable, optional
        Takes the input events and returns the transition probabilities of known states under each
        of them, see
        :func:`hmmlens.interpretation.state_probabilities.filter_states`.

    Returns
    -------
    Dataset
        The ``explanation`` store. Its attributes ``events, neutral_event, neutral_condition,
        event_parts, averaged_inputs`` describe the input events, see
        :class:`hmmlens.interpretation.input_events.InputEvents`; ``neutral_event`` is -1 for none.
    """
    inputs = sequences["input"].to_numpy()[root["sequence"].to_numpy()]
    length = root["length"].to_numpy()
    events = of_store(sequences.attrs, inputs, length)
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
        settings=settings,
        events=events,
        input_transmat=None if input_transmat is None else input_transmat(events),
    )
    result = result.assign(sequence_index=("sequence", root["sequence"].to_numpy()))
    return result.assign_attrs(
        reducer=choices["reducer"].iloc[0],
        events=list(events.names),
        neutral_event=-1 if events.neutral is None else events.neutral,
        neutral_condition=events.condition,
        event_parts=[list(parts) for parts in events.parts],
        averaged_inputs=list(events.averaged),
    )
