"""Explain a network in one call: record, reduce, fit, choose, compare, read."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

import hmmlens
from hmmlens import arrays
from hmmlens.dynamics import endpoints
from hmmlens.errors import DataError, HmmlensError, no_exit, place_of
from hmmlens.hmm import storage
from hmmlens.hmm.settings import Selection
from hmmlens.interpretation.states import interpret
from hmmlens.recording import activations, in_memory, protocol
from hmmlens.recording.extract import extract
from hmmlens.recording.inputs import Source
from hmmlens.recording.settings import Activations
from hmmlens.recording.store.resume import fingerprint
from hmmlens.recording.store.writers import read_tree
from hmmlens.reduction import fitting, reduced_store
from hmmlens.report.explain import folder
from hmmlens.report.explain.result import Explanation, Layer, gathered
from hmmlens.rnn.output_checks import check_output
from hmmlens.seeds import derive_seed
from hmmlens.validation import scorecard, verdict_inputs
from hmmlens.validation.baselines import raw_inputs
from hmmlens.validation.recorded import EvidenceSettings, Losses
from hmmlens.validation.settings import Validation

log = logging.getLogger(__name__)


def explain(
    model: Any,
    inputs: Any,
    *,
    lengths: Any = None,
    outputs: str = "values",
    truth: Any = None,
    split: Any = None,
    groups: ArrayLike | None = None,
    untrained: Any | None = "redraw",
    layer: str | None = None,
    layers: Sequence[str] | None = None,
    batch_first: bool | None = None,
    max_frames: int = Activations().max_frames,
    reducer: str = "pca",
    n_components: int = 8,
    n_states: int | Iterable[int] = range(1, 13),
    covariance_type: str = "tied",
    n_restarts: int = 5,
    random_state: Any = 0,
    names: Mapping[str, Sequence[str]] | None = None,
    note: str | None = None,
    out: str | Path | None = None,
    progress: bool | None = None,
    made_by: Mapping[str, Any] | None = None,
) -> Explanation:
    """Explain one layer of a network by the states that it moves through.

    Parameters
    ----------
    model : any torch module that holds recurrent layers; see :func:`hmmlens.extract`. What it
        returns, or the first of it, is its output (sequence, time, output).
    inputs : (sequence, time) symbols or (sequence, time, feature) values, as any kind of array; or
        a list of sequences.
    lengths : (sequence), steps of each sequence where they differ.
    outputs : ``logits`` of symbols, or ``values``: what the network's output is.
    truth : (sequence, time) true states to compare with, or a list of sequences: whole numbers from
        0, -1 (or NaN, or a masked entry) where unknown; or words, empty where unknown.
    split : (sequence) 0 or ``train``, 1 or ``select``, 2 or ``test``; by default drawn with shares
        .6, .2, .2. One or two sequences are then cut in time into at most 40 blocks each, of 50
        steps or more: first those of train, then select, then test, with a 20th of the steps left
        out between them. The findings say so. The network starts each block from its initial state.
    groups : (sequence), to whom or what each sequence belongs (a person, a device), numbers or
        text. A split that is drawn keeps groups together, and agreement with a truth that is
        constant within groups is tested by permuting over groups.
    untrained : the same network before training, taken through the same steps. By default the
        model's weights are drawn anew; None leaves this control out.
    layer : name of the layer in the recording, which may be one direction of a bidirectional
        layer; or several with ``+`` between them, to take their units together. By default the
        last layer of the forward pass, both directions of it.
    layers : names of the layers or modules to record, see :func:`hmmlens.extract`; needed for
        modules that hold no layer of torch. By default all recurrent layers.
    batch_first : False where the model takes (time, sequence, ...).
    max_frames : steps in all, aimed at: more sequences are thinned evenly in each split.
    reducer, n_components : see :func:`hmmlens.reduce`.
    n_states, covariance_type, n_restarts : see :class:`hmmlens.HMMSweep`.
    random_state : seed of the split, the untrained twin, the reduction and the starts; a
        ``RandomState`` or ``Generator`` gives one, None takes a fresh one. What was used stands in
        the settings of the explanation.
    names : ``input``, ``output``, ``truth`` -> names along these dimensions.
    note : how the data were cut, for the findings, where a caller has cut them.
    out : folder to write all of it to, as :meth:`Explanation.save` does. States go there batch by
        batch, and what was recorded when a run was killed is taken up by the next one.
    progress : show how far the recording is, see :func:`hmmlens.extract`.
    made_by : attributes of the recorded states that say what made the network, such as its factory.
        What a killed run has recorded is taken up only where they are the same.

    Raises
    ------
    DataError
        When the arrays do not fit each other or the network, or the layer does not exist.
    StoreError
        When ``out`` holds anything but a former explanation as this function wrote it; when another
        process is writing there, or the system refuses to write.
    """
    if outputs not in ("logits", "values"):
        raise DataError(f"outputs is {outputs!r}; logits or values is needed")
    names, random_state = names or {}, arrays.seed(random_state)
    sequences = in_memory.sequences(
        Source(inputs, lengths), truth, split, names, random_state, groups
    )
    kind = "symbols" if outputs == "logits" else "values"
    sequences = sequences.assign_attrs(target_kind=kind)
    if note is not None:
        sequences = sequences.assign_attrs(cut=note)
    settings = fitting.checked_settings(
        {"kind": reducer} | ({} if reducer == "identity" else {"n_components": n_components})
    )
    grid: dict[str, Any] = {
        "n_states": arrays.counts(n_states),
        "covariance_types": [covariance_type],
        "n_restarts": n_restarts,
        "random_state": random_state,
    }
    wanted = layers
    if layers is None and layer is not None:
        wanted = layer.split(activations.TOGETHER)
    about = {
        **{"layer": layer, "outputs": outputs, "max_frames": max_frames},
        **{"reducer": settings, "sweep": grid, "random_state": random_state},
    }
    if layers is not None:
        about["layers"] = list(layers)
    if batch_first is not None:
        about["batch_first"] = batch_first
    networks = {"trained": model, "untrained": _untrained(model, untrained, random_state)}
    chosen = activations.thin(
        sequences["split"].to_numpy(), sequences["length"].to_numpy(), max_frames
    )
    with folder.becoming(out) as partial:
        recorded: dict[str, xr.DataTree] = {}
        for role, network in networks.items():
            if network is not None:
                path = folder.recording(partial, role) if partial else None
                with _control(role):
                    recorded[role] = _record(
                        network, sequences, chosen, wanted, batch_first, path, progress,
                        made_by or {},
                    )  # fmt: skip
                log.info("the %s network is recorded", role)
        name, sequences = _checked(recorded["trained"], layer, sequences, names)
        for role, acts in recorded.items():
            with _control(role):
                _check_output(acts, name, recorded["trained"], sequences)
        controls = _controls(sequences, chosen, settings, grid)
        raw = {name: stores for found in controls.values() for name, stores in found.items()}
        explained = {}
        for role, acts in recorded.items():
            beside = controls if role == "trained" else {}
            with _control(role):
                explained[role] = _explained(acts, name, sequences, settings, grid, beside)
            log.info("the states of the %s network are found", role)
        verdict = _judged(model, recorded["trained"], name, sequences, random_state)
        tables = gathered(name, explained, raw, sequences, verdict)
        found = Explanation(sequences, name, explained, raw, tables, about)
        if partial:
            folder.write(found, partial)
    return folder.opened(found, Path(out)) if out is not None else found


def _untrained(model: Any, untrained: Any, seed: int) -> Any:
    """Return the network to compare with, or None."""
    if not isinstance(untrained, str):
        return untrained
    if untrained != "redraw":
        raise DataError(f"untrained is {untrained!r}; a network, 'redraw' or None is needed")
    from torch import nn

    from hmmlens.rnn.loading import duplicate, reinitialise

    if not isinstance(model, nn.Module):
        log.info("%s is no torch module, so no untrained twin is drawn", type(model).__name__)
        return None
    try:
        with no_exit(f"a copy of {type(model).__name__}"):
            untrained = duplicate(model)
    except Exception as error:
        raise DataError(
            f"{type(model).__name__} cannot be copied to make the untrained control "
            f"({type(error).__name__}: {str(error).strip().partition(chr(10))[0]}); give another "
            "network as untrained, or untrained=None to leave this control out"
        ) from error
    return reinitialise(untrained, derive_seed(seed, "untrained"))


@contextmanager
def _control(role: str) -> Iterator[None]:
    """Say of an error that it is the untrained control's, which can be left out."""
    try:
        yield
    except DataError as error:
        if role == "trained":
            raise
        raise DataError(
            f"the untrained control: {error}; give another network as untrained, or leave this "
            "control out (untrained=None, --no-untrained)"
        ) from error


def _check_output(
    acts: xr.DataTree, name: str, trained: xr.DataTree, sequences: xr.Dataset
) -> None:
    """Refuse a network whose output or layer cannot be compared with the trained network's."""
    shapes = [tree["output"].shape if "output" in tree else None for tree in (acts, trained)]
    if shapes[0] != shapes[1]:
        raise DataError(
            f"it returns an output of the shape {shapes[0]}, the trained network one of {shapes[1]}"
        )
    missing = [n for n in name.split(activations.TOGETHER) if n not in acts.children]
    if missing:
        raise DataError(f"it has no layer {missing[0]!r}; it has: {', '.join(acts.children)}")
    check_output(
        acts["output"].to_numpy(),
        acts["length"].to_numpy(),
        sequences.attrs["target_kind"],
        sequences.attrs["target_names"],
        acts["sequence"].to_numpy(),
    )


def _record(
    network: Any,
    sequences: xr.Dataset,
    chosen: NDArray[np.int64],
    layers: Sequence[str] | None,
    batch_first: bool | None,
    path: Path | None,
    progress: bool | None,
    about: Mapping[str, Any],
) -> xr.DataTree:
    """Return what the network held on the chosen sequences, recorded now or by a killed run."""
    part = sequences.isel(sequence=chosen)
    given = {name: part[name].to_numpy() for name in ("input", "length", "split")}
    made_by = {"created_by": f"hmmlens.explain, hmmlens {hmmlens.__version__}", **about}
    if path:
        settings = [layers, batch_first, dict(about)]
        made_by["fingerprint"] = fingerprint(network, settings, {**given, "sequence": chosen})
        if path.exists() and made_by["fingerprint"]:
            whole = read_tree(path)
            if whole.attrs["fingerprint"] == made_by["fingerprint"]:
                log.info("taking what a run before this one has recorded")
                return whole
    try:
        return extract(
            network, given["input"], given["length"],
            layers=layers,
            batch_first=batch_first,
            store=path,
            labels={"sequence": chosen, "split": given["split"]},
            made_by=made_by,
            progress=progress,
        )  # fmt: skip
    except HmmlensError:
        raise
    except Exception as error:
        # Whatever a user's own forward raises.
        raise DataError(
            f"the network fails on inputs of the shape {given['input'].shape} of "
            f"{given['input'].dtype}: {type(error).__name__}{place_of(error)}: "
            f"{str(error).strip().partition(chr(10))[0]}"
        ) from error


def _checked(
    acts: xr.DataTree,
    layer: str | None,
    sequences: xr.Dataset,
    names: Mapping[str, Sequence[str]],
) -> tuple[str, xr.Dataset]:
    """Return the layer's name, and the sequences with the names of the network's outputs."""
    name = activations.default_layer(acts) if layer is None else _named(acts, layer)
    dims = [str(dim) for dim in acts["output"].dims] if "output" in acts else []
    if dims != ["sequence", "time", "output"]:
        raise DataError(
            "the network must return (sequence, time, output), an output for every step; found "
            + (f"({', '.join(dims)})" if dims else "no tensor")
        )
    n_outputs = acts["output"].shape[2]
    if n_outputs < 2 and sequences.attrs["target_kind"] == "symbols":
        raise DataError("logits are one output for each of two or more symbols; found 1: values")
    named = in_memory.named("output", names.get("output"), n_outputs)
    return name, sequences.assign_attrs(target_names=named)


def _named(acts: xr.DataTree, layer: str) -> str:
    """Return the node that a name means, or the nodes with ``+`` between them."""
    found = list(acts.children)
    if all(name in found for name in layer.split(activations.TOGETHER)):
        return layer
    if len(found) == 1:
        # The name of a module that has one node.
        return found[0]
    raise DataError(
        f"layer {layer!r} is several: {', '.join(found)}; name one of them, or several with + "
        f"between them, as {activations.TOGETHER.join(found[:2])}"
    )


def _judged(
    model: Any, acts: xr.DataTree, name: str, sequences: xr.Dataset, seed: int
) -> dict[str, Any]:
    """Return the row of the verdict. What the network was taught is not known.

    A network with ``step`` that values drive is left alone with zeros; of others the verdict is at
    best "consistent with" states.
    """
    from torch import nn

    stepped: Any = model if isinstance(model, nn.Module) and protocol.follows(model) else None
    recorded = verdict_inputs.recorded(
        acts.to_dataset(), activations.layer_of(acts, name), sequences, "both"
    )
    settled = None
    if stepped is not None:
        settled = endpoints.find_endpoints(
            stepped, acts["input"].to_numpy(), recorded.distribution, recorded.length,
            {**sequences.attrs, "target_delay": 0}, np.random.default_rng(seed),
        )  # fmt: skip
    settings = EvidenceSettings(fidelity_tolerance=Selection().fidelity_tolerance)
    return verdict_inputs.judged(recorded, Losses(np.nan, np.nan), settled, seed, settings=settings)


def _controls(
    sequences: xr.Dataset,
    chosen: NDArray[np.int64],
    settings: dict[str, Any],
    grid: Mapping[str, Any],
) -> dict[str, dict[str, scorecard.Stores]]:
    """Return the controls on the inputs: each with its reductions and their stores."""
    reducers = {_reducer_name(settings): settings}
    reduced = raw_inputs.controls(sequences, chosen, reducers, grid["random_state"])
    return {
        control: {name: (data, storage.fit(data, **grid)) for name, data in found.items()}
        for control, found in reduced.items()
    }


def _reducer_name(settings: Mapping[str, Any]) -> str:
    return "-".join(str(value) for value in settings.values())


def _explained(
    acts: xr.DataTree,
    name: str,
    sequences: xr.Dataset,
    settings: dict[str, Any],
    grid: Mapping[str, Any],
    beside: Mapping[str, Mapping[str, scorecard.Stores]],
) -> Layer:
    """Take one layer through the stages of the workflow.

    Parameters
    ----------
    beside : the controls that are scored as well, see
        :func:`hmmlens.validation.scorecard.score_layer`.
    """
    root, seed = acts.to_dataset(), grid["random_state"]
    state = activations.state(root, activations.layer_of(acts, name), "both")
    reduced = reduced_store.reduced(state, root, settings, seed)
    reducer = _reducer_name(settings)
    sweep = storage.fit(reduced, **grid)
    stores = {reducer: (reduced, sweep)}
    network = scorecard.network_of(root, sequences)
    selection = Selection()
    scores, choices = scorecard.score_layer(
        network, stores, Validation().n_bootstrap, seed,
        selection.criterion, selection.fidelity_tolerance, beside,
    )  # fmt: skip
    chosen = choices[choices["chosen_reducer"]]
    states = interpret(chosen, sweep, reduced, root, sequences)
    return Layer(acts, reducer, reduced, sweep, scores, choices, states)
