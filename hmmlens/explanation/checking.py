"""What an explanation would refuse, found on two sequences before anyone waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from hmmlens.datasets.splits import SPLITS
from hmmlens.dynamics.neutral_input import NEUTRAL_TEXT, neutral_input
from hmmlens.errors import HmmlensError
from hmmlens.explanation import networks as nets
from hmmlens.explanation.losses import losses_of
from hmmlens.explanation.preparation import prepare_sequences, wanted_layers
from hmmlens.explanation.readout import UNKNOWN_FUTURES, has_futures, output_part
from hmmlens.explanation.settings import ExplanationSettings, Plan
from hmmlens.recording import activations, protocol
from hmmlens.recording.structured.network import Structured, structured
from hmmlens.stages.futures import reason_against_futures
from hmmlens.typing import Ints


class Finding(NamedTuple):
    """One thing that was tried.

    Attributes
    ----------
    item : str
        What was tried, such as ``recording``.
    outcome : {"possible", "refused", "not possible"}
        ``refused`` ends :func:`hmmlens.explain` with an error; of what is ``not possible``, the
        explanation does without.
    sentence : str
        What was found, or why not.
    """

    item: str
    outcome: str
    sentence: str


class Check(NamedTuple):
    """What :func:`check` found.

    Attributes
    ----------
    findings : list of Finding
        In the order in which an explanation needs them.
    """

    findings: list[Finding]

    @property
    def passed(self) -> bool:
        """Return whether nothing was refused.

        Returns
        -------
        bool
            False where :func:`hmmlens.explain` would end with an error.
        """
        return all(finding.outcome != "refused" for finding in self.findings)

    def __str__(self) -> str:
        """Return one line for each finding."""
        width = max(len(finding.item) for finding in self.findings)
        lines = [f"{f.item:<{width}}  {f.outcome}: {f.sentence}" for f in self.findings]
        return "\n".join(lines)


def check(
    model: Any,
    inputs: Any,
    *,
    lengths: Any = None,
    outputs: str = "values",
    truth: Any = None,
    targets: Any = None,
    split: Any = None,
    groups: ArrayLike | None = None,
    untrained: Any | None = "redraw",
    layer: str | None = None,
    layers: Sequence[str] | None = None,
    batch_first: bool | None = None,
    feed: Callable[..., Any] | None = None,
    output: str | int | None = None,
    settings: Mapping[str, Any] | ExplanationSettings | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> Check:
    """Record two sequences, and report what :func:`hmmlens.explain` would refuse.

    Parameters
    ----------
    model, inputs : object
        See :func:`hmmlens.explain`, as for all other arguments.
    lengths : array_like of shape (sequence,), optional
        Steps of each sequence.
    outputs : {"values", "logits"}
        What the network returns.
    truth, targets, split, groups : array_like, optional
        Of all sequences.
    untrained : module, "redraw" or None
        The control that would be made.
    layer, layers, batch_first : object, optional
        Which layers are recorded, and how the network reads its inputs.
    feed, output : object, optional
        How the network is called, and which of its outputs counts.
    settings : mapping or ExplanationSettings, optional
        Settings of the explanation.
    names : mapping, optional
        Names of inputs, outputs and true states.

    Returns
    -------
    Check
        Its attribute ``passed`` is False where something would be refused.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> values = np.random.default_rng(0).normal(size=(20, 30, 2))
    >>> found = check(torch.nn.GRU(2, 3, batch_first=True), values)
    >>> found.passed, found.findings[0].sentence
    (True, '20 sequences of 30 steps: 12 train, 4 select, 4 test')
    """
    findings: list[Finding] = []

    def _try(item: str, attempt: Callable[[], tuple[Any, str]]) -> Any:
        try:
            found, sentence = attempt()
        except HmmlensError as error:
            findings.append(Finding(item, "refused", str(error)))
            raise _RefusedError from error
        findings.append(Finding(item, "possible", sentence))
        return found

    def _prepare() -> tuple[tuple[Structured, Plan, xr.Dataset], str]:
        given, plan = structured(model, inputs, lengths, feed, output, batch_first), Plan(settings)
        sequences = prepare_sequences(
            given.inputs, given.lengths, truth, targets, split, groups, given.names(names), outputs,
            None, plan,
        )  # fmt: skip
        return (given, plan, sequences), _data_sentence(sequences)

    try:
        given, plan, sequences = _try("data", _prepare)
        model = given.model
        wanted = wanted_layers(layer, layers)
        two = _two(sequences)

        def _record(network: Any, role: str) -> xr.DataTree:
            with nets.naming_the_control(role):
                return nets.record_network(
                    network, sequences, two, wanted, batch_first, None, {},
                    step_outputs=output_part(layer), verify="all", progress=False,
                )  # fmt: skip

        def _record_trained() -> tuple[xr.DataTree, str]:
            acts = _record(model, "trained")
            return acts, _recording_sentence(acts)

        acts = _try("recording", _record_trained)

        def _find_layer() -> tuple[Any, str]:
            name, described = nets.layer_and_outputs(acts, layer, sequences, given.names(names))
            hidden = activations.layer_of(acts, name)["hidden"]
            return (name, described), f"{name}, {hidden.shape[2]} units"

        name, described = _try("layer and outputs", _find_layer)

        def _see_outputs() -> tuple[None, str]:
            nets.check_output(acts, name, acts, described)
            n_outputs, kind = acts["output"].shape[2], "logits" if outputs == "logits" else "values"
            made = " (of what it returns for each sequence)" if "step_outputs" in acts.attrs else ""
            return None, f"{n_outputs} {kind} for each step{made}"

        _try("values of outputs", _see_outputs)
        if targets is not None:
            _try("targets", lambda: (losses_of(acts, described), "they fit the outputs"))
        if untrained is not None and plan.settings.controls.untrained:

            def _record_untrained() -> tuple[None, str]:
                with nets.naming_the_control("untrained"):
                    own = untrained if isinstance(untrained, str) else given.around(untrained)
                control = nets.untrained_control(model, own, plan.seed)
                if control is None:
                    return None, "none, because the network is no torch module"
                with nets.naming_the_control("untrained"):
                    nets.check_output(_record(control, "untrained"), name, acts, described)
                return None, "it can be recorded"

            _try("untrained control", _record_untrained)
    except _RefusedError:
        return Check(findings)
    reason = _against_futures(model, acts, described, wanted, batch_first)
    findings.append(
        _optional(
            "futures", reason, "states can be compared by what the network does next, so all "
            "grades of the verdict can be reached",
        )
    )  # fmt: skip
    findings.append(_endpoints(model, described))
    return Check(findings)


class _RefusedError(Exception):
    """An earlier step was refused, so that later ones cannot be tried."""


def _optional(item: str, reason: str, sentence: str) -> Finding:
    return Finding(item, "not possible" if reason else "possible", reason or sentence)


def _data_sentence(sequences: xr.Dataset) -> str:
    length, split = sequences["length"].to_numpy(), sequences["split"].to_numpy()
    least, most = int(length.min()), int(length.max())
    steps = f"{most}" if least == most else f"{least} to {most}"
    parts = [f"{int((split == i).sum())} {name}" for i, name in enumerate(SPLITS)]
    return f"{len(length)} sequences of {steps} steps: {', '.join(parts)}"


def _two(sequences: xr.Dataset) -> Ints:
    """Return the longest and the shortest test sequence, which show whether padding is read."""
    test = np.flatnonzero(sequences["split"].to_numpy() == SPLITS.index("test"))
    order = test[np.argsort(sequences["length"].to_numpy()[test], kind="stable")]
    return np.sort(np.unique(order[[0, -1]]))


def _recording_sentence(acts: xr.DataTree) -> str:
    layers = ", ".join(f"{name} {acts[name]['hidden'].shape[1:]}" for name in acts.children)
    error = acts.attrs["replay_error"]
    replay = f"largest replay error {error:.1e}" if np.isfinite(error) else acts.attrs["replay"]
    replay = replay.replace("unknown", "not replayed")
    return f"{layers} (time, unit); {replay}"


def _against_futures(
    model: Any,
    acts: xr.DataTree,
    sequences: xr.Dataset,
    wanted: Sequence[str] | None,
    batch_first: bool | None,
) -> str:
    """Return why futures cannot be compared; empty where they can."""
    if not has_futures(acts):
        return UNKNOWN_FUTURES
    root = acts.to_dataset().load()
    try:
        return reason_against_futures(
            model, root["input"].to_numpy(), root["output"].to_numpy(), root["length"].to_numpy(),
            sequences.attrs["target_kind"], wanted, batch_first,
        )  # fmt: skip
    except HmmlensError as error:
        return str(error)


def _endpoints(model: Any, sequences: xr.Dataset) -> Finding:
    if not protocol.follows(model):
        reason = "the network has no start, step and readout"
        return Finding("endpoints", "not possible", reason)
    neutral = neutral_input({**sequences.attrs, "target_delay": 0})
    if neutral is None:
        return Finding("endpoints", "not possible", "no input of this task is neutral")
    return Finding("endpoints", "possible", f"neutral input: {NEUTRAL_TEXT[neutral]}")
