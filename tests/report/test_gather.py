"""Tables of many jobs, put side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hmmlens.hmm import HMMSweep, selection, storage
from hmmlens.report import gather


def test_fits_come_with_their_doubts_and_three_sample_sizes() -> None:
    rng = np.random.default_rng(0)
    # 300 frames in two places, 6 of them far away: too few for a state of their own.
    values = rng.normal(size=(10, 30, 2))
    values[:, :3] += 40 * (rng.random((10, 1, 1)) < 0.2)
    sweep = HMMSweep(n_states=[1, 2], covariance_types=["tied"], n_restarts=3, random_state=0)
    sweep.fit(values, np.full(10, 30))
    layer = {**gather.raw_layer("toy"), "reducer": "raw-input"}
    found = gather.fits([(layer, False, storage.to_dataset(sweep))])

    assert len(found["fits"]) == len(sweep.results_)
    assert "seconds" not in found["fits"]
    assert (found["audit"]["reducer"] == "raw-input").all()
    audit = found["audit"].set_index("n_states")
    assert audit.loc[1, "warning"] == ""
    rarest = sweep.models_["tied", 2].predict_proba(values).sum(axis=(0, 1)).min()
    sizes = found["sample_sizes"].iloc[0]
    worth = rarest * sizes["n_effective"] / sizes["n_frames"]
    assert worth < selection.FEWEST_FRAMES
    told = f"a state holds {rarest:.0f} frames, worth {worth:.0f} independent ones"
    assert told in audit.loc[2, "warning"]

    assert (sizes["n_frames"], sizes["n_sequences"]) == (300, 10)
    # BIC by hand, with sequences counted.
    best = selection.best_restarts(sweep.results_).set_index("n_states")
    bic = -2 * best["log_likelihood"] + best["n_parameters"] * np.log(10)
    assert sizes["by_sequences"] == bic.idxmin()


def test_verdicts_hold_every_layer_its_twin_and_its_reservoir() -> None:
    layers = [
        {"network": name, "role": role, "dataset": "d", "seed": seed, "layer": "l0", "twin": ""}
        for name, role in (("a", "trained"), ("a-untrained", "untrained"), ("b", "trained"))
        for seed in (0, 1)
    ]
    judged = [
        pd.DataFrame([(n, s, "l0", g) for n, g in names for s in (1, 0)])
        for names in ([("a", "D"), ("a-untrained", "X")], [("b", "C")])
    ]
    columns = ["network", "seed", "layer", "grade"]
    reservoir = pd.DataFrame({"seed": [0, 1], "layer": "l0", "grade": ["D", "X"]})
    table = gather.verdicts(
        layers, [part.set_axis(columns, axis=1) for part in judged], {"a": reservoir}
    )["verdicts"]
    told = table.set_index(["network", "role", "seed"])["grade"].to_dict()
    assert told == {
        ("a", "trained", 0): "D",
        ("a", "trained", 1): "D",
        ("a-untrained", "untrained", 0): "X",
        ("a-untrained", "untrained", 1): "X",
        ("b", "trained", 0): "C",
        ("b", "trained", 1): "C",
        ("a", "reservoir", 0): "D",
        ("a", "reservoir", 1): "X",
    }
    assert (table["dataset"] == "d").all()
