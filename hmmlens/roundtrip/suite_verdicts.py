"""Verdicts on the networks of the suite, on the same before training, and on surrogates."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from hmmlens.errors import DataError
from hmmlens.futures.summary import Summary
from hmmlens.rnn.loading import reinitialise
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.roundtrip import suite
from hmmlens.roundtrip.grades import SURROGATES, surrogate
from hmmlens.roundtrip.preparation import record_network
from hmmlens.seeds import derive_seed
from hmmlens.stages.endpoints import find_endpoints
from hmmlens.stages.futures import compare_futures
from hmmlens.stages.judge import judge_layer
from hmmlens.typing import Int64s
from hmmlens.validation.grading.recorded import Losses
from hmmlens.validation.grading.verdict import decide_by_futures

#: Sequences of train, select and test whose states are compared.
SEQUENCES = (100, 40, 40)
#: Steps of a network that are recorded for its surrogates.
MAX_FRAMES = 8000
#: What is judged: a network after training and before, and surrogates of its activations.
ROLES = ("trained", "untrained", *SURROGATES)
#: What of the record of a network stands in the row of its verdict.
ABOUT = (
    *("task", "half", "answer", "n_states", "cell", "seed"),
    *("loss", "marginal", "floor", "remaining"),
)


class Member(NamedTuple):
    """A network of the suite as it is judged.

    Attributes
    ----------
    network : RecurrentNetwork
        The network.
    data : Dataset
        Its sequences.
    losses : Losses
        NaN before training.
    about : dict
        What is known of it: :data:`ABOUT` and ``role``.
    seed : int
        Seed of the network, of which that of everything random is derived with its folder.
    folder : str
        The folder.
    """

    network: RecurrentNetwork
    data: Any
    losses: Losses
    about: dict[str, Any]
    seed: int
    folder: str


def member(place: Path, role: str = "trained") -> Member:
    """Return a network of the suite with what is known of it.

    Parameters
    ----------
    place : pathlib.Path
        Folder of the network.
    role : str, optional
        One of :data:`ROLES`; the weights of ``untrained`` are initialised anew.

    Returns
    -------
    Member
        The network.
    """
    record = suite.read_record(place)
    network, data = suite.load(place)
    floor = np.nan if record["floor"] is None else record["floor"]
    losses = Losses(record["loss"], record["marginal"], floor)
    if role == "untrained":
        reinitialise(network, derive_seed(record["seed"], "untrained", place.name))
        losses = Losses(np.nan, np.nan)
    about = {name: record[name] for name in ABOUT} | {"role": role}
    return Member(network, data, losses, about, record["seed"], place.name)


def futures_of(network: Member, rows: Int64s) -> Summary | None:
    """Compare the futures of a network of the suite.

    Parameters
    ----------
    network : Member
        The network.
    rows : ndarray of shape (sequence,)
        The sequences whose states are compared.

    Returns
    -------
    Summary or None
        See :func:`hmmlens.stages.futures.compare_futures`.
    """
    data = network.data
    inputs, length, split = (data[name].to_numpy()[rows] for name in ("input", "length", "split"))
    with torch.no_grad():
        output = network.network(torch.from_numpy(inputs)).double().numpy()
    return compare_futures(
        network.network, inputs, output, length, split, data.attrs["target_kind"],
        seed=derive_seed(network.seed, "futures", network.folder),
    )  # fmt: skip


def first_sequences(network: Member, numbers: tuple[int, ...] = SEQUENCES) -> Int64s:
    """Return the first sequences of each split.

    Parameters
    ----------
    network : Member
        The network.
    numbers : tuple of int
        How many of train, select and test.

    Returns
    -------
    ndarray of shape (sequence,)
        Their numbers.
    """
    split = network.data["split"].to_numpy()
    return np.concatenate([np.flatnonzero(split == part)[:n] for part, n in enumerate(numbers)])


def judge(place: Path, role: str = "trained") -> dict[str, Any]:
    """Return the verdict on a network of the suite, or on a control.

    Parameters
    ----------
    place : pathlib.Path
        Folder of the network.
    role : str, optional
        One of :data:`ROLES`. Of an untrained network competence is not tested; surrogates have no
        futures, and the rules for recordings apply.

    Returns
    -------
    dict
        What is known of the network; ``role``; ``trained``; ``grade``, ``n_claimed``, ``reasons``;
        ``cpu`` seconds; the numbers of :func:`hmmlens.futures.summary.summarise`.
    """
    found = member(place, role)
    about = found.about | {"trained": role == "trained"}
    if role in SURROGATES:
        return about | _judge_surrogate(found, role)
    began = time.process_time()
    futures = futures_of(found, first_sequences(found))
    seconds = round(time.process_time() - began, 2)
    if futures is None:
        return about | {"grade": "not judged", "cpu": seconds}
    verdict = decide_by_futures(futures, found.losses)
    return about | {
        "grade": verdict.grade, "n_claimed": verdict.n_states, "cpu": seconds,
        **futures.numbers, "reasons": " ".join(verdict.reasons),
    }  # fmt: skip


def _judge_surrogate(found: Member, kind: str) -> dict[str, Any]:
    """Return the verdict on surrogates of the activations of a network."""
    recording = record_network(found.network, found.data, MAX_FRAMES)
    recorded, seed = recording.recorded, derive_seed(found.seed, kind, found.folder)
    began = time.process_time()
    # Endpoints and losses are those of the network, as the weights are.
    settled = find_endpoints(
        found.network, recorded.inputs, recorded.distribution, recorded.length, recorded.split,
        found.data.attrs, seed,
    )  # fmt: skip
    made = surrogate(kind, found.network, recording, seed)
    try:
        row = judge_layer(made, found.losses, settled, seed, required=True)
    except DataError as error:
        row = {"grade": "not judged", "n_states": np.nan, "reasons": str(error)}
    return {
        "grade": row["grade"], "n_claimed": row["n_states"], "reasons": row["reasons"],
        "cpu": round(time.process_time() - began, 2),
    }  # fmt: skip
