"""Explain a network in one call: record, reduce, fit, score, interpret, judge."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import ArrayLike

from hmmlens.deprecation import renamed_parameters
from hmmlens.explanation import networks as nets
from hmmlens.explanation.preparation import prepare_sequences, wanted_layers
from hmmlens.explanation.readout import output_part
from hmmlens.explanation.recorded import explain_recorded
from hmmlens.explanation.settings import ExplanationSettings, Plan
from hmmlens.recording.structured.network import structured
from hmmlens.report.explain import folder
from hmmlens.report.explain.result import Explanation
from hmmlens.stages.record import choose_sequences

log = logging.getLogger(__name__)


@renamed_parameters(seed="random_state")
def explain(
    model: Any,
    inputs: Any,
    *,
    lengths: Any = None,
    outputs: str = "values",
    truth: Any = None,
    targets: Any = None,
    floor: float | None = None,
    split: Any = None,
    groups: ArrayLike | None = None,
    untrained: Any | None = "redraw",
    layer: str | None = None,
    layers: Sequence[str] | None = None,
    batch_first: bool | None = None,
    feed: Callable[..., Any] | None = None,
    output: str | int | None = None,
    settings: Mapping[str, Any] | ExplanationSettings | None = None,
    effort: str | None = None,
    max_frames: int | None = None,
    reducer: str | None = None,
    n_components: int | None = None,
    n_states: int | Iterable[int] | None = None,
    covariance_type: str | None = None,
    n_restarts: int | None = None,
    random_state: Any = "settings",
    names: Mapping[str, Sequence[str]] | None = None,
    note: str | None = None,
    out: str | Path | None = None,
    progress: bool | None = None,
    made_by: Mapping[str, Any] | None = None,
) -> Explanation:
    """Explain one layer of a network by the states that it moves through.

    Parameters
    ----------
    model : module
        Any torch module that holds recurrent layers; see :func:`hmmlens.extract`. What it returns,
        or the first of it, is its output of shape (sequence, time, output), unless ``output`` names
        another. Where it returns one output for each sequence, as ``fc(out[:, -1])`` does, the
        output at a step is what it returns for the steps up to there.
    inputs : array of shape (sequence, time) or (sequence, time, feature), list, or mapping
        Symbols or values, or a list of sequences; or a mapping of names to these and to arrays
        (sequence) or (sequence, feature) that are constant within a sequence, see
        :func:`hmmlens.extract`. Its columns are described by their names, ``rain`` or ``rain.0``,
        ``rain.1`` ..., or by ``names["input"]``.
    lengths : array of shape (sequence,), optional
        Steps of each sequence where they differ.
    outputs : {"values", "logits"}
        What the network's output is: values, or logits of symbols.
    truth : array of shape (sequence, time) or list of sequences, optional
        True states to compare with: whole numbers from 0, -1 (or NaN, or a masked entry) where
        unknown; or words, empty where unknown.
    targets : array of shape (sequence, time) or (sequence, time, output), or list of sequences
        What the network was trained to return: symbols, -1 where there is none, or values, NaN
        where there is none. Its loss then decides whether it is competent at its task; without
        targets that is not known, and the verdict states it. One symbol for each sequence
        (sequence), or values (sequence, output), are targets of its last step.
    floor : float, optional
        Smallest loss that any network could have at these targets, in the unit of the loss: mean
        squared error for values, nats per step for symbols; 0 where the inputs determine the
        targets. A network is then competent if it closes 80 % of the way from the best constant
        answer to it; by default if its loss is at most .9 of that of the best constant answer.
    split : array of shape (sequence,), optional
        0 or ``train``, 1 or ``select``, 2 or ``test``; by default sampled with the shares of
        ``settings``. One or two sequences are then cut in time into at most 40 blocks each, of 50
        steps or more: first those of train, then select, then test, with a 20th of the steps left
        out between them, which the findings note. The network starts each block from its initial
        state.
    groups : array of shape (sequence,), optional
        To whom or what each sequence belongs (a person, a device), numbers or text. A split that
        is sampled keeps groups together, and agreement with a truth that is constant within groups
        is tested by permuting over groups.
    untrained : module, "redraw" or None
        The same network before training, taken through the same stages. By default the model's
        weights are sampled anew; None leaves this control out.
    layer : str, optional
        Name of the layer in the recording, which may be one direction of a bidirectional layer; or
        several with ``+`` between them, to take their units together. By default the last layer of
        the forward pass, both directions of it; where the network returns one output for each
        sequence, its forward direction.
    layers : sequence of str, optional
        Names of the layers or modules to record, see :func:`hmmlens.extract`; needed for modules
        that hold no layer of torch. By default all recurrent layers.
    batch_first : bool, optional
        False where the model takes (time, sequence, ...).
    feed : callable, optional
        Takes the dict of tensors of one batch, or the tensor, and returns (args, kwargs) for the
        module, or its only argument; see :func:`hmmlens.extract`.
    output : str or int, optional
        Which output counts, where the module returns several: a key, field, attribute or index.
    settings : mapping or ExplanationSettings, optional
        The sections of a study that apply to one network, as in
        :class:`hmmlens.explanation.settings.ExplanationSettings`: ``seed``, ``split``, ``blocks``,
        ``effort``, ``activations``, ``reducers``, ``sweep``, ``selection``, ``validation``,
        ``controls``. The
        arguments below replace single settings of them.
    effort : {"quick", "normal"}, optional
        ``quick`` gives a first answer: the verdict is computed as always, but the untrained control
        and the models of the input are left out, 1 to 8 states are fitted twice each, and ``out``
        gets no PDF files. What ``settings`` and the other arguments set is kept. By default
        ``normal``.
    max_frames : int, optional
        Steps in all to aim at: more sequences are thinned evenly in each split. By default 13000.
    reducer : str, optional
        Kind of the one reducer, see :func:`hmmlens.reduce`. By default ``pca``.
    n_components : int, optional
        Components of the reducer. By default 8.
    n_states : int or iterable of int, optional
        Numbers of states, see :class:`hmmlens.HMMSweep`. By default 1 to 12.
    covariance_type : str, optional
        Covariance type of the states. By default ``tied``.
    n_restarts : int, optional
        Fits of each model. By default 5.
    random_state : int, RandomState, Generator or None
        Seed of the split, the untrained control, the reduction and the initialisations; a
        ``RandomState`` or ``Generator`` gives one, None takes a fresh one. By default ``seed`` of
        ``settings``, which is 0. What was used stands in the settings of the explanation.
    names : mapping, optional
        ``input``, ``output``, ``truth`` -> names along these dimensions.
    note : str, optional
        How the data were cut, for the findings, where a caller has cut them.
    out : path, optional
        Folder to write all of it to, as :meth:`Explanation.save` does. States go there batch by
        batch, and what was recorded when a run was killed is taken up by the next one.
    progress : bool, optional
        Show how far the recording is, see :func:`hmmlens.extract`.
    made_by : mapping, optional
        Attributes of the recorded states that describe the origin of the network: its factory.
        What a killed run has recorded is taken up only where they are the same.

    Returns
    -------
    Explanation
        Stores, tables and a summary.

    Raises
    ------
    ConfigError
        When ``settings`` do not fit; the message names the setting.
    DataError
        When the arrays do not fit each other or the network, or the layer does not exist.
    StoreError
        When ``out`` holds anything but a former explanation as this function wrote it; when another
        process is writing there, or the system refuses to write.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from hmmlens import explain
    >>> symbols = np.random.default_rng(0).integers(0, 3, size=(20, 30))
    >>> gru = torch.nn.GRU(4, 6, batch_first=True)
    >>> network = torch.nn.Sequential(torch.nn.Embedding(3, 4), gru)
    >>> explanation = explain(network, symbols, n_states=[1, 2], n_restarts=1, untrained=None)
    >>> len(explanation.tables["verdicts"])
    1
    """
    wanted = wanted_layers(layer, layers)
    plan = Plan(
        settings,
        effort=effort,
        max_frames=max_frames,
        reducer=reducer,
        n_components=n_components,
        n_states=n_states,
        covariance_type=covariance_type,
        n_restarts=n_restarts,
        random_state=random_state,
    )
    given = structured(model, inputs, lengths, feed, output, batch_first)
    model, inputs, lengths, names = given.model, given.inputs, given.lengths, given.names(names)
    if untrained is not None and not isinstance(untrained, str):
        with nets.naming_the_control("untrained"):
            untrained = given.around(untrained)
    sequences = prepare_sequences(
        inputs, lengths, truth, targets, split, groups, names, outputs, note, plan
    )
    about = {"layer": layer, "outputs": outputs} | plan.about()
    if layers is not None:
        about["layers"] = list(layers)
    if batch_first is not None:
        about["batch_first"] = batch_first
    if feed is not None:
        about["feed"] = getattr(feed, "__qualname__", type(feed).__qualname__)
    if output is not None:
        about["output"] = output
    if not plan.settings.controls.untrained:
        untrained = None
    networks = {"trained": model, "untrained": nets.untrained_control(model, untrained, plan.seed)}
    chosen = choose_sequences(sequences, plan.max_frames)
    with folder.open_workspace(out) as partial:
        recorded: dict[str, xr.DataTree] = {}
        for role, network in networks.items():
            if network is not None:
                path = folder.locate_recording(partial, role) if partial else None
                with nets.naming_the_control(role):
                    recorded[role] = nets.record_network(
                        network, sequences, chosen, wanted, batch_first, path, made_by or {},
                        step_outputs=output_part(layer),
                        batch_size=plan.settings.activations.batch_size, progress=progress,
                    )  # fmt: skip
                log.info("the %s network is recorded", role)
        name, sequences = nets.layer_and_outputs(recorded["trained"], layer, sequences, names)
        for role, acts in recorded.items():
            with nets.naming_the_control(role):
                nets.check_output(acts, name, recorded["trained"], sequences)
        explanation = explain_recorded(
            model, recorded, name, sequences, chosen, plan, about, floor, wanted, batch_first
        )
        if partial:
            folder.write_explanation(explanation, partial)
    return folder.reopen(explanation, Path(out)) if out is not None else explanation
