"""Explain states that any program has recorded, without the network or with one step of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

import hmmlens
from hmmlens import arrays
from hmmlens.errors import DataError
from hmmlens.explanation import networks as nets
from hmmlens.explanation.own_steps import RecordedSteps
from hmmlens.explanation.preparation import prepare_sequences
from hmmlens.explanation.recorded import explain_recorded
from hmmlens.explanation.settings import ExplanationSettings, Plan
from hmmlens.io import store
from hmmlens.ragged import steps_inside
from hmmlens.recording import activations
from hmmlens.recording.inputs import Source
from hmmlens.recording.nested_states import layers as layers_of
from hmmlens.report.explain.result import Explanation
from hmmlens.stages.record import choose_sequences
from hmmlens.typing import Bools

#: The one feature of inputs that are not given.
NO_INPUT = "no input given"

#: What follows from that for the findings.
WITHOUT_INPUTS = (
    "Inputs were not given, so predictions of later outputs cannot take them into account; the "
    "verdict holds for a network whose inputs are unknown."
)

NOT_REPLAYED = "unknown: the states were recorded by another program, and no step was given"


def explain_states(
    hidden: Any,
    outputs: Any,
    inputs: Any = None,
    lengths: Any = None,
    step: Any = None,
    targets: Any = None,
    *,
    readout: Any = None,
    output_kind: str = "values",
    truth: Any = None,
    floor: float | None = None,
    split: Any = None,
    groups: ArrayLike | None = None,
    layer: str | None = None,
    settings: Mapping[str, Any] | ExplanationSettings | None = None,
    effort: str | None = None,
    max_frames: int | None = None,
    reducer: str | None = None,
    n_components: int | None = None,
    n_states: int | Iterable[int] | None = None,
    n_restarts: int | None = None,
    random_state: Any = "settings",
    names: Mapping[str, Sequence[str]] | None = None,
    out: str | Path | None = None,
) -> Explanation:
    """Explain hidden states that any program has recorded: JAX, Julia, MATLAB, C.

    Parameters
    ----------
    hidden : array_like of shape (sequence, time, unit), or mapping of str to these
        States after each step; or a list of sequences (time, unit). Of an LSTM
        ``{"hidden": h, "cell": c}``, of several layers ``{"encoder": h, "decoder": d}``.
    outputs : array_like of shape (sequence, time, output), or list of sequences
        What the network returned at each step.
    inputs : array_like of shape (sequence, time) or (sequence, time, feature), optional
        Symbols or values that it read. Without them nothing is stated about inputs.
    lengths : array_like of shape (sequence,), optional
        Steps of each sequence where they differ.
    step : callable or object, optional
        ``step(state, input)`` returns the state after one step, for many runs at once: a state is
        an array (run, unit), or a mapping of these as ``hidden`` is. Or an object with the methods
        ``start``, ``step`` and ``readout``, see :mod:`hmmlens.recording.protocol`. Every recorded
        state is stepped and compared with the next. With it the network's futures and endpoints
        are found, so that every grade can be reached; without it the best grade is
        "consistent with D".
    targets : array_like, optional
        What the network was trained to return, see :func:`hmmlens.explain`.
    readout : callable, optional
        ``readout(state)`` returns outputs (run, output); by default that of ``step``, or a linear
        function that is fitted to ``hidden`` and ``outputs`` and must give these exactly.
    output_kind : {"values", "logits"}
        What outputs are: values, or logits of symbols.
    truth : array_like, optional
        See :func:`hmmlens.explain`.
    floor : float, optional
        Smallest possible loss at the targets.
    split, groups : array_like, optional
        See :func:`hmmlens.explain`.
    layer : str, optional
        Which of several layers is explained, or several with ``+`` between them; by default the
        last.
    settings : mapping or ExplanationSettings, optional
        See :func:`hmmlens.explain`, as for all that follow.
    effort : {"quick", "normal"}, optional
        How much is computed.
    max_frames : int, optional
        Steps in all to aim at.
    reducer : str, optional
        Kind of the one reducer.
    n_components : int, optional
        Its components.
    n_states : int or iterable of int, optional
        Numbers of states.
    n_restarts : int, optional
        Fits of each model.
    random_state : int, RandomState, Generator or None
        Seed of all that is random.
    names : mapping, optional
        Names of inputs, outputs and true states.
    out : path, optional
        Folder to write all of it to.

    Returns
    -------
    Explanation
        Without an untrained control, for which a network is needed.

    Raises
    ------
    DataError
        When the arrays do not fit each other, or ``step`` does not give the recorded states.

    Examples
    --------
    >>> import numpy as np
    >>> hidden = np.random.default_rng(0).normal(size=(20, 30, 4))
    >>> explanation = explain_states(hidden, hidden[..., :1], n_states=[1, 2], n_restarts=1)
    >>> len(explanation.tables["verdicts"])
    1
    """
    plan = Plan(
        settings, effort=effort, max_frames=max_frames, reducer=reducer,
        n_components=n_components, n_states=n_states, n_restarts=n_restarts,
        random_state=random_state,
    )  # fmt: skip
    states = {"hidden": hidden} if not isinstance(hidden, Mapping) else hidden
    source = Source(_first(states), lengths)
    n, n_steps = source.shape[:2]
    states = _each(lambda part: _padded(part, source, "hidden"), states)
    output = _padded(outputs, source, "outputs")
    given = np.zeros((n, n_steps, 1)) if inputs is None else inputs
    own = Source(given, None if hasattr(given, "shape") else source.lengths)
    if own.shape[0] != n:
        raise DataError(f"inputs hold {own.shape[0]} sequences, and hidden {n}")
    if own.shape[1] != n_steps:
        raise DataError(f"inputs have {own.shape[1]} steps, and hidden {n_steps}")
    about_names = dict(names or {})
    if inputs is None:
        if step is not None:
            raise DataError("step takes an input at each step; give inputs as well")
        about_names["input"] = [NO_INPUT]
        plan.settings = plan.settings.model_copy(
            update={"controls": plan.settings.controls.model_copy(update={"raw_input": False})}
        )
    sequences = prepare_sequences(
        given, source.lengths, truth, targets, split, groups, about_names, output_kind, None, plan
    )
    if inputs is None:
        notes = [sequences.attrs.get("cut"), WITHOUT_INPUTS]
        sequences = sequences.assign_attrs(cut=" ".join(filter(None, notes)))
    states = _each(lambda part: _in_blocks(part, sequences), states)
    output = _in_blocks(output, sequences)
    chosen = choose_sequences(sequences, plan.max_frames)
    part = sequences.isel(sequence=chosen)
    inside = steps_inside(part["length"].to_numpy(), len(chosen), part["input"].shape[1])
    received = activations.network_input(part, "torch").to_numpy()
    states, output = _each(lambda values: values[chosen], states), output[chosen]
    network, replay_error, entries = None, np.nan, None
    if step is not None:
        network = RecordedSteps(step, readout, _plain(states), output, inside)
        entries = network.entries
        replay_error = network.replay(received, output, inside)
    acts = _recording(states, output, received, part, chosen, inside, replay_error)
    name, sequences = nets.layer_and_outputs(acts, layer, sequences, about_names)
    nets.check_output(acts, name, acts, sequences)
    about = {"layer": layer, "outputs": output_kind} | plan.about()
    found = explain_recorded(
        network, {"trained": acts}, name, sequences, chosen, plan, about, floor, states=entries
    )
    if out is None:
        return found
    found.save(out)
    from hmmlens.report.explain import folder

    return folder.reopen(found, Path(out))


def _first(states: Any) -> Any:
    """Return the first of the arrays that mappings hold."""
    while isinstance(states, Mapping):
        if not states:
            raise DataError("hidden is an empty mapping; give arrays (sequence, time, unit)")
        states = next(iter(states.values()))
    return states


def _each(function: Callable[[Any], Any], states: Any) -> Any:
    """Apply a function to the arrays that mappings hold; a list is one of sequences."""
    if isinstance(states, Mapping):
        return {str(name): _each(function, part) for name, part in states.items()}
    return function(states)


def _plain(states: Any) -> Any:
    """Return the state of one layer without a cell as an array."""
    return states["hidden"] if list(states) == ["hidden"] else states


def _padded(values: Any, source: Source, name: str) -> NDArray[Any]:
    """Return an array (sequence, time, unit) of finite numbers, 0 past each end."""
    own = Source(values, None if hasattr(values, "shape") else source.lengths)
    array = own.batch(slice(0, len(own)))
    if array.ndim != 3 or array.shape[:2] != source.shape[:2]:
        raise DataError(
            f"{name} has the shape {array.shape}; (sequence, time, "
            f"{'unit' if name == 'hidden' else 'output'}) of {source.shape[0]} sequences of "
            f"{source.shape[1]} steps is needed"
        )
    array = arrays.numbers(array, name)
    inside = np.arange(array.shape[1]) < source.lengths[:, None]
    array = np.where(inside[..., None], array, 0)
    if (wrong := np.argwhere(~np.isfinite(array))).size:
        sequence, time, unit = wrong[0]
        raise DataError(
            f"{name} holds a value that is not finite at sequence {sequence}, step {time}, "
            f"{'unit' if name == 'hidden' else 'output'} {unit}"
        )
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _in_blocks(values: NDArray[Any], sequences: xr.Dataset) -> NDArray[Any]:
    """Return the blocks of recordings that were cut in time; the same where none was."""
    if "recording" not in sequences:
        return values
    n, n_steps = sequences["input"].shape[:2]
    cut = np.zeros((n, n_steps, *values.shape[2:]), dtype=values.dtype)
    places = zip(
        sequences["recording"].to_numpy(), sequences["first_step"].to_numpy(),
        sequences["length"].to_numpy(), strict=True,
    )  # fmt: skip
    for row, (recording, first, length) in enumerate(places):
        cut[row, :length] = values[int(recording), int(first) : int(first) + int(length)]
    return cut


def _recording(
    states: Any,
    output: NDArray[Any],
    received: NDArray[Any],
    part: xr.Dataset,
    chosen: NDArray[Any],
    inside: Bools,
    replay_error: float,
) -> xr.DataTree:
    """Return arrays as :func:`hmmlens.extract` returns what it has recorded."""
    steps, past = ("sequence", "time"), ~inside[..., None]
    variables = {
        "input": (("sequence", "time", "feature")[: received.ndim], received),
        "output": ((*steps, "output"), np.where(past, np.nan, output)),
        "length": ("sequence", part["length"].to_numpy()),
        "split": ("sequence", part["split"].to_numpy()),
    }
    coords: dict[str, Any] = {"sequence": chosen, "time": np.arange(output.shape[1])}
    if not inside.all():
        coords["inside"] = (steps, inside)
    nodes = {}
    for name, parts in layers_of(states, "hidden").items():
        kinds = zip(("hidden", "cell"), ("unit", "cell_unit"), parts, strict=False)
        nodes[name] = xr.Dataset(
            {
                kind: ((*steps, unit if parts[0].shape != values.shape else "unit"),
                       np.where(past, np.nan, values))
                for kind, unit, values in kinds
            },
            {name: values for name, values in coords.items() if name == "inside"},
            {"replay_error": replay_error},
        )  # fmt: skip
    known = np.isfinite(replay_error)
    attributes = store.store_attributes(
        "activations", {"created_by": f"hmmlens.explain_states, hmmlens {hmmlens.__version__}"}
    )
    attributes |= {
        "layers": [[name] for name in nodes],
        "replay_error": replay_error,
        "replay": "all steps replayed" if known else NOT_REPLAYED,
    }
    root = xr.Dataset(variables, coords, attributes)
    return xr.DataTree.from_dict({"/": root, **{f"/{name}": node for name, node in nodes.items()}})
