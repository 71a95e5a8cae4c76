"""Tables of many jobs, put side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hmmlens.hmm import HMMSweep, selection, storage
from hmmlens.hmm.sweeping.audit import AuditSettings
from hmmlens.report.explain import gather, gather_verdicts


def test_fits_come_with_their_doubts_and_three_sample_sizes() -> None:
    rng = np.random.default_rng(0)
    # 300 frames in two places, 6 of them far away: too few for a state of their own.
    values = rng.normal(size=(10, 30, 2))
    values[:, :3] += 40 * (rng.random((10, 1, 1)) < 0.2)
    sweep = HMMSweep(n_states=[1, 2], covariance_types=["tied"], n_restarts=3, random_state=0)
    sweep.fit(values, np.full(10, 30))
    layer = {**gather.build_raw_key("toy"), "reducer": "raw-input"}
    found = gather.gather_fits([(layer, False, storage.to_dataset(sweep))])

    assert len(found["fits"]) == len(sweep.results_)
    assert "seconds" not in found["fits"]
    assert (found["audit"]["reducer"] == "raw-input").all()
    audit = found["audit"].set_index("n_states")
    assert audit.loc[1, "warning"] == ""
    rarest = sweep.models_["tied", 2].predict_proba(values).sum(axis=(0, 1)).min()
    sizes = found["sample_sizes"].iloc[0]
    worth = rarest * sizes["n_effective"] / sizes["n_frames"]
    assert worth < AuditSettings().fewest_frames
    warning = f"a state holds {rarest:.0f} frames, worth {worth:.0f} independent ones"
    assert warning in audit.loc[2, "warning"]

    assert (sizes["n_frames"], sizes["n_sequences"]) == (300, 10)
    # BIC by hand, with sequences counted.
    best = selection.best_restarts(sweep.results_).set_index("n_states")
    bic = -2 * best["log_likelihood"] + best["n_parameters"] * np.log(10)
    assert sizes["by_sequences"] == bic.idxmin()


def test_verdicts_hold_every_layer_its_untrained_control_and_its_reservoir() -> None:
    layers = [
        {
            "network": name,
            "role": role,
            "dataset": "d",
            "seed": seed,
            "layer": "l0",
            "untrained": "",
        }
        for name, role in (("a", "trained"), ("a-untrained", "untrained"), ("b", "trained"))
        for seed in (0, 1)
    ]
    judged = [
        pd.DataFrame([(n, s, "l0", g) for n, g in names for s in (1, 0)])
        for names in ([("a", "D"), ("a-untrained", "X")], [("b", "C")])
    ]
    columns = ["network", "seed", "layer", "grade"]
    reservoir = pd.DataFrame({"seed": [0, 1], "layer": "l0", "grade": ["D", "X"]})
    reservoir["weights"] = ["initial", "permuted"]
    table = gather_verdicts.gather_verdicts(
        layers, [part.set_axis(columns, axis=1) for part in judged], {"a": reservoir}
    )["verdicts"]
    grades = table.set_index(["network", "role", "seed"])["grade"].to_dict()
    assert grades == {
        ("a", "trained", 0): "D",
        ("a", "trained", 1): "D",
        ("a-untrained", "untrained", 0): "X",
        ("a-untrained", "untrained", 1): "X",
        ("b", "trained", 0): "C",
        ("b", "trained", 1): "C",
        ("a", "reservoir", 0): "D",
        ("a", "permuted", 1): "X",
    }
    assert (table["dataset"] == "d").all()
    # Without a single number, the report still finds where they would be.
    assert table[list(gather_verdicts.REPORTED_NUMBERS)].isna().all(axis=None)


def test_scores_of_outputs_are_rows_and_gains_have_an_interval_over_trainings() -> None:
    layers = [
        {
            "network": "a",
            "role": "trained",
            "dataset": "d",
            "seed": s,
            "layer": "l",
            "untrained": "",
        }
        for s in range(3)
    ]
    judged = pd.DataFrame({"network": "a", "seed": range(3), "layer": "l", "grade": "D"})
    judged = judged.assign(sentence="so", fidelity_5=0.9, hmm_gain_5=[0.1, 0.2, 0.3])
    judged = judged.assign(fidelity_5_output_1=0.99, fidelity_5_output_2=[0.2, 0.3, np.nan])
    about = {"d": {"target_names": ["word", "end"]}}
    found = gather_verdicts.gather_verdicts(layers, [judged], {}, about)
    scores = found["scores_by_output"]
    assert scores["output_name"].tolist() == ["word", "end", "word", "end", "word"]
    assert scores["fidelity_5"].tolist() == [0.99, 0.2, 0.99, 0.3, 0.99]
    assert (scores["fidelity_5_pooled"] == 0.9).all()
    # 0.2 +- 4.303 * 0.1 / sqrt(3).
    (sentence,) = set(found["verdicts"]["gain_sentence"])
    assert "higher by 0.20 (\N{MINUS SIGN}0.05 to 0.45)" in sentence
    assert sentence.endswith("it is not shown to add anything.")
    clear = gather_verdicts.gain_sentence(pd.Series([0.1, 0.11, 0.12]))
    assert clear.endswith("(3 trainings).")


def test_a_null_with_too_few_samples_for_so_many_layers_decides_nothing() -> None:
    layers = [
        {
            "network": str(i),
            "role": "trained",
            "dataset": "d",
            "seed": 0,
            "layer": "l",
            "untrained": "",
        }
        for i in range(20)
    ]
    checked = []
    for i in range(20):
        rows = [(0, "l", "truth shifted", gather_verdicts.LEAST if i == 0 else 0.5, i == 0)]
        table = pd.DataFrame(rows, columns=["seed", "layer", "check", "p", "holds"])
        checked.append((str(i), table, table[["seed", "layer"]]))
    table = gather_verdicts.gather_checks(layers, checked)["checks"]
    assert table["holds"].isna().tolist() == [True] + [False] * 19
    assert not table["holds"][1:].any()


def test_p_values_are_corrected_over_all_layers_check_by_check() -> None:
    layers = [
        {"network": n, "role": "trained", "dataset": "d", "seed": 0, "layer": "l0", "untrained": ""}
        for n in "abcd"
    ]
    p = {"time shuffled": [0.005, 0.04, 0.03, np.nan], "dwells": [0.01, 0.2, 0.9, 0.5]}
    checked = []
    for i, network in enumerate("abcd"):
        rows = [(0, "l0", check, values[i], values[i] < 0.05) for check, values in p.items()]
        table = pd.DataFrame(rows, columns=["seed", "layer", "check", "p", "holds"])
        checked.append((network, table, table[["seed", "layer"]].assign(method="k-means")))
    found = gather_verdicts.gather_checks(layers, checked)
    table = found["checks"].set_index(["check", "network"])
    # Three known values by hand: 3 p / rank, made to rise.
    shuffled = table.loc["time shuffled"]
    np.testing.assert_allclose(shuffled["p_adjusted"], [0.015, 0.04, 0.04, np.nan])
    assert shuffled["holds"].tolist() == [True, True, True, False]
    assert table.loc["dwells", "p_adjusted"].isna().all()
    assert table.loc["dwells", "holds"].tolist() == [True, False, False, False]
    assert len(found["methods"]) == 8 and (found["methods"]["dataset"] == "d").all()


def test_a_check_that_only_chance_lets_pass_fails_after_correction() -> None:
    layers = [
        {
            "network": str(i),
            "role": "trained",
            "dataset": "d",
            "seed": 0,
            "layer": "l",
            "untrained": "",
        }
        for i in range(10)
    ]
    checked = []
    for i in range(10):
        rows = [(0, "l", "truth shifted", 0.04 if i == 0 else 0.5, i == 0)]
        table = pd.DataFrame(rows, columns=["seed", "layer", "check", "p", "holds"])
        checked.append((str(i), table, table[["seed", "layer"]]))
    table = gather_verdicts.gather_checks(layers, checked)["checks"]
    assert not table["holds"].any() and (table["p_adjusted"] > 0.3).all()
