"""Judge one network, what it was before training, a reservoir, and surrogates of its states."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from hmmlens.recording import activations
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.roundtrip import preparation as drawing
from hmmlens.roundtrip.preparation import Drawn, Seen
from hmmlens.seeds import derive_seed
from hmmlens.stages.endpoints import find_endpoints
from hmmlens.stages.judge import judge_layer
from hmmlens.stats import surrogates
from hmmlens.validation.recorded import Recorded

Rows = list[dict[str, Any]]

#: Surrogates of activations, none of which holds states that follow each other.
SURROGATES = ("shuffled", "phase-randomised")


def surrogate(kind: str, network: RecurrentNetwork, seen: Seen, seed: int) -> Recorded:
    """Return activations without states: shuffled in time, or with random phases.

    What the network would have said is shuffled alike, or read from the new states by its readout.
    """
    recorded, rng = seen.recorded, np.random.default_rng(seed)
    if kind == "shuffled":
        order = surrogates.time_orders(recorded.length, recorded.hidden.shape[1], rng)[:, :, None]
        hidden, distribution = (
            np.take_along_axis(a, order, axis=1) for a in (recorded.hidden, recorded.distribution)
        )
        return recorded._replace(hidden=hidden, distribution=distribution)
    hidden = surrogates.phase_randomised(recorded.hidden, recorded.length, rng)
    weight, bias = (p.detach().double().cpu().numpy() for p in network.out.parameters())
    said = seen.scale * hidden[..., : network.n_units] @ weight.T + bias
    distribution = activations.output_distribution(
        said, "symbols" if network.symbols_out else "values"
    )
    return recorded._replace(hidden=hidden, distribution=distribution)


def judged(
    drawn: Drawn, max_frames: int, seed: int, surrogates: bool
) -> tuple[Rows, dict[str, Seen], dict[str, float]]:
    """Return a row for each role, the networks as recorded, and what each verdict cost.

    Returns
    -------
    rows : ``role`` (trained, untrained, reservoir, and each of :data:`SURROGATES`),
        ``replay_error`` and the row of :func:`hmmlens.validation.evidence.judge`.
    seen : role -> the network as recorded
    seconds : role -> CPU seconds of recording, endpoints and verdict
    """
    rows: Rows = []
    seen: dict[str, Seen] = {}
    seconds: dict[str, float] = {}
    seeds = derive_seed(seed, "endpoints"), derive_seed(seed, "judge")

    def judge(role: str, network: RecurrentNetwork, grade: str | None = None) -> Any:
        began = time.process_time()
        seen[role] = drawing.record(network, drawn.data, max_frames)
        recorded = seen[role].recorded
        settled = find_endpoints(
            network, recorded.inputs, recorded.distribution, recorded.length, drawn.data.attrs,
            seeds[0],
        )  # fmt: skip
        losses = drawing.losses(network, drawn)
        row = judge_layer(recorded, losses, settled, seeds[1], grade, required=True)
        rows.append({"role": role, "replay_error": seen[role].replay_error} | row)
        seconds[role] = time.process_time() - began
        return settled

    judge("untrained", drawn.untrained)
    judge("reservoir", drawing.with_readout(drawn))
    settled = judge("trained", drawn.network, str(rows[-1]["grade"]))
    for kind in SURROGATES if surrogates else ():
        made = surrogate(kind, drawn.network, seen["trained"], derive_seed(seed, kind))
        # The weights are those of the network, so they may speak for the surrogate too.
        losses = drawing.losses(drawn.network, drawn)
        row = judge_layer(made, losses, settled, seeds[1], required=True)
        rows.append({"role": kind, "replay_error": np.nan} | row)
    return rows, seen, seconds
