"""Verdicts on the networks of the suite, and the error rates of the verdict by half."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hmmlens.roundtrip import suite
from hmmlens.seeds import derive_seed
from hmmlens.stages.futures import compare_futures
from hmmlens.stats.shares import share
from hmmlens.validation.recorded import Losses
from hmmlens.validation.verdict import decide_by_futures

#: Sequences of train, select and test whose states are compared.
SEQUENCES = (100, 40, 40)
#: Largest share of the loss that a network may keep to count as having learnt a discrete task.
LEARNT = 0.1


def judge(place: Path, untrained: bool = False) -> dict[str, Any]:
    """Return the verdict on a network of the suite.

    Parameters
    ----------
    place : pathlib.Path
        Folder of the network.
    untrained : bool, optional
        Whether to judge newly initialised weights, and without their losses.

    Returns
    -------
    dict
        What is known of the task; ``trained``; ``grade``, ``n_claimed``, ``reasons``; ``cpu``
        seconds; the numbers of :func:`hmmlens.futures.summary.summarise`.
    """
    record = suite.read_record(place)
    network, data = suite.load(place)
    losses = Losses(record["loss"], record["marginal"], record["floor"] or np.nan)
    if record["floor"] == 0:
        losses = losses._replace(floor=0.0)
    if untrained:
        from hmmlens.rnn.loading import reinitialise

        reinitialise(network, derive_seed(record["seed"], "untrained", place.name))
        losses = Losses(np.nan, np.nan)
    split = data["split"].to_numpy()
    rows = np.concatenate([np.flatnonzero(split == part)[:n] for part, n in enumerate(SEQUENCES)])
    inputs, length = data["input"].to_numpy()[rows], data["length"].to_numpy()[rows]
    with torch.no_grad():
        output = network(torch.from_numpy(inputs)).double().numpy()
    began = time.process_time()
    futures = compare_futures(
        network, inputs, output, length, split[rows], data.attrs["target_kind"],
        derive_seed(record["seed"], "futures", place.name),
    )  # fmt: skip
    seconds = time.process_time() - began
    about = {name: record[name] for name in ("task", "half", "answer", "n_states", "cell", "seed")}
    about |= {"remaining": record["remaining"], "trained": not untrained}
    if futures is None:
        return about | {"grade": "not judged", "cpu": seconds}
    verdict = decide_by_futures(futures, losses)
    return about | {
        "grade": verdict.grade, "n_claimed": verdict.n_states, "cpu": round(seconds, 2),
        **futures.numbers, "reasons": " ".join(verdict.reasons),
    }  # fmt: skip


def rates(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the error rates of the verdict.

    Parameters
    ----------
    verdicts : DataFrame
        Rows of :func:`judge`.

    Returns
    -------
    DataFrame
        For each half of the tasks and each question: ``networks``, ``hits``, ``share`` and its
        exact 95 % interval (Clopper & Pearson 1934) ``low, high``; and the same by task, ``tasks``
        and ``task_hits``, where a task is a hit if all of its networks are (or, for errors, any).
    """
    trained = verdicts[verdicts["trained"]]
    discrete = trained["answer"].isin(["discrete", "many"])
    learnt = trained["remaining"] <= LEARNT
    states = trained["grade"].isin(["D", "N"])
    exact = trained["n_claimed"] == trained["n_states"]
    questions: list[tuple[str, pd.DataFrame, pd.Series, bool]] = [
        ("discrete task, learnt: D", trained[discrete & learnt], states, False),
        ("of these D: number of states exact", trained[discrete & learnt & states], exact, False),
        ("discrete task, not learnt: D", trained[discrete & ~learnt], states, False),
        (
            "continuum: D or B (error)",
            trained[trained["answer"] == "continuum"], trained["grade"].isin(["D", "N", "B"]), True,
        ),
        ("mixed: D (error)", trained[trained["answer"] == "mixed"], states, True),
        ("belief: D", trained[trained["answer"] == "belief"], states, False),
        ("no memory: D (error)", trained[trained["answer"] == "forgets"], states, True),
    ]  # fmt: skip
    before = verdicts[~verdicts["trained"]]
    questions.append(
        ("untrained, without the gate of competence: D (error)", before,
         before["grade"].isin(["D", "N"]), True)
    )  # fmt: skip
    rows = []
    for half in ("fixing", "reporting"):
        for question, table, outcome, error in questions:
            part = table[table["half"] == half]
            hit = outcome.loc[part.index]
            by_task = hit.groupby(part["task"])
            task_hits = by_task.any() if error else by_task.all()
            found = share(int(hit.sum()), len(hit))
            rows.append({
                "half": half, "question": question, "networks": len(hit), "hits": int(hit.sum()),
                "share": found.value, "low": found.low, "high": found.high,
                "tasks": len(task_hits), "task_hits": int(task_hits.sum()),
            })  # fmt: skip
    return pd.DataFrame(rows)
