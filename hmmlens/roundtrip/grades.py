"""Verdicts on one network, on the same before training, on a reservoir, and on surrogates."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.recording import activations
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.roundtrip import preparation
from hmmlens.roundtrip.preparation import PreparedNetwork, RecordedNetwork
from hmmlens.seeds import derive_seed
from hmmlens.stages.endpoints import find_endpoints
from hmmlens.stages.futures import compare_futures
from hmmlens.stages.judge import judge_layer
from hmmlens.stats import surrogates
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings
from hmmlens.validation.grading.recorded import Losses, Recorded

Rows = list[dict[str, Any]]

#: Surrogates of activations, whose states do not follow each other as those of a network do.
SURROGATES = ("shuffled", "phase-randomised")


def surrogate(
    kind: str, network: RecurrentNetwork, recording: RecordedNetwork, seed: int
) -> Recorded:
    """Return activations without states: shuffled in time, or with random phases.

    The outputs are shuffled alike, or computed from the surrogate by the readout of the network.

    Parameters
    ----------
    kind : str
        One of :data:`SURROGATES`.
    network : RecurrentNetwork
    recording : RecordedNetwork
    seed : int

    Returns
    -------
    Recorded
        With the inputs and lengths of the recording.
    """
    recorded, rng = recording.recorded, np.random.default_rng(seed)
    if kind == "shuffled":
        order = surrogates.time_orders(recorded.length, recorded.hidden.shape[1], rng)[:, :, None]
        hidden, distribution = (
            np.take_along_axis(a, order, axis=1) for a in (recorded.hidden, recorded.distribution)
        )
        return recorded._replace(hidden=hidden, distribution=distribution)
    hidden = surrogates.phase_randomised(recorded.hidden, recorded.length, rng)
    weight, bias = (p.detach().double().cpu().numpy() for p in network.out.parameters())
    outputs = recording.scale * hidden[..., : network.n_units] @ weight.T + bias
    kind_of_output = "symbols" if network.symbols_out else "values"
    distribution = activations.output_distribution(outputs, kind_of_output)
    return recorded._replace(hidden=hidden, distribution=distribution)


class JudgedNetwork(NamedTuple):
    """A network as it was recorded and judged.

    Attributes
    ----------
    recording : RecordedNetwork
        Its states.
    endpoints : Endpoints or None
        Where it settles on its own.
    row : dict
        See :func:`hmmlens.validation.grading.evidence.judge`.
    """

    recording: RecordedNetwork
    endpoints: Endpoints | None
    row: dict[str, Any]


def judge_network(
    network: RecurrentNetwork,
    data: xr.Dataset,
    losses: Losses,
    max_frames: int,
    seed: int,
    reservoir_grade: str | None = None,
) -> JudgedNetwork:
    """Record and judge a network, as a study does.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    data : Dataset
        The ``sequences`` store of its task.
    losses : Losses
        Its losses.
    max_frames : int
        Steps in all to record, see :func:`hmmlens.stages.record.choose_sequences`.
    seed : int
        Of everything random.
    reservoir_grade : str, optional
        Grade of an untrained network of the same kind with a fitted readout.

    Returns
    -------
    JudgedNetwork
        The recording and the verdict.
    """
    recording = preparation.record_network(network, data, max_frames)
    recorded = recording.recorded
    settled = find_endpoints(
        network, recorded.inputs, recorded.distribution, recorded.length, recorded.split,
        data.attrs, derive_seed(seed, "endpoints"),
    )  # fmt: skip
    futures = compare_futures(
        network, recorded.inputs, recording.output, recorded.length, recorded.split,
        data.attrs["target_kind"],
    )  # fmt: skip
    row = judge_layer(
        recorded, losses, settled, derive_seed(seed, "judge"), reservoir_grade, required=True,
        futures=futures,
    )  # fmt: skip
    return JudgedNetwork(recording, settled, row)


def grade_roles(
    prepared: PreparedNetwork,
    max_frames: int,
    seed: int,
    surrogates: bool,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> tuple[Rows, dict[str, RecordedNetwork], dict[str, float]]:
    """Record and judge a network and its controls.

    Parameters
    ----------
    prepared : PreparedNetwork
    max_frames : int
        Steps in all to record, see :func:`hmmlens.stages.record.choose_sequences`.
    seed : int
    surrogates : bool
        Whether surrogates of the trained network's states are judged too.
    settings : BaselineSettings, optional
        Settings of the reservoir's readout.

    Returns
    -------
    rows : list of dict
        ``role`` (trained, untrained, reservoir, and each of :data:`SURROGATES`), ``replay_error``
        and the row of :func:`hmmlens.validation.grading.evidence.judge`.
    recordings : dict of RecordedNetwork
        By role.
    seconds : dict of float
        CPU seconds of recording, endpoints and verdict by role.
    """
    rows: Rows = []
    recordings: dict[str, RecordedNetwork] = {}
    seconds: dict[str, float] = {}

    def _judge(role: str, network: RecurrentNetwork, grade: str | None = None) -> Any:
        began = time.process_time()
        losses = preparation.losses_on_test(network, prepared)
        judged = judge_network(network, prepared.data, losses, max_frames, seed, grade)
        recordings[role] = judged.recording
        rows.append({"role": role, "replay_error": judged.recording.replay_error} | judged.row)
        seconds[role] = time.process_time() - began
        return judged.endpoints

    _judge("untrained", prepared.untrained)
    _judge("reservoir", preparation.with_readout(prepared, settings))
    settled = _judge("trained", prepared.network, str(rows[-1]["grade"]))
    for kind in SURROGATES if surrogates else ():
        made = surrogate(kind, prepared.network, recordings["trained"], derive_seed(seed, kind))
        # Endpoints and losses are those of the network, as the weights are; a surrogate has no
        # futures.
        losses = preparation.losses_on_test(prepared.network, prepared)
        row = judge_layer(made, losses, settled, derive_seed(seed, "judge"), required=True)
        rows.append({"role": kind, "replay_error": np.nan} | row)
    return rows, recordings, seconds
