"""Sentences say what their numbers say, whichever way these come out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.emulation.analysis import (
    objective_bias,
    orbits,
    reference_generators,
    stochastic_resonance,
)
from hmmlens.emulation.analysis.comparison import compare, trends
from hmmlens.report.emulation import text_bias, text_homogeneity, text_networks, text_plateau
from hmmlens.report.emulation.text import answers
from hmmlens.report.wording import count, estimate, listed, number, p_text
from hmmlens.rnn.noise_driven import NoiseDriven

ALIKE = {
    "target": "chain2", "cell": "relu", "n_units": 150, "n_noise": 100, "bias": False, "leak": 1.0,
    "carried": 0.0, "activity_penalty": 0.0,
    "n_steps": 50,
}  # fmt: skip


def test_numbers_in_sentences() -> None:
    assert number(-0.123) == "−0.12" and number(-0.001) == "0.00" and number(np.nan) == "not known"
    assert number(np.inf) == "infinite"
    assert estimate(1, 0.5, np.nan) == "1.00" and estimate(1, -0.5, 2, 1) == "1.0 (−0.5 to 2.0)"
    assert count(1, "pair") == "1 pair" and count(2, "pair") == "2 pairs"
    assert listed([]) == "" and listed("a") == "a" and listed("abc") == "a, b and c"
    assert p_text(0.0312) == "p = 0.031" and p_text(np.nan) == "p not known"


def objective(biased: bool) -> dict[str, pd.DataFrame]:
    """Return the tables of an objective that likes a wrong generator, or does not."""
    value, excess = (5.0, -1.5) if biased else (0.0, 1.5)
    rows = []
    for n in (256, 1024):
        for name, apart in (("target", 0.0), ("moves x 0.6", excess), ("independent symbols", 9.0)):
            row = {"objective": "sinkhorn", "n": n, "generator": name, "value": value + apart}
            row |= {"low": value + apart - 0.1, "high": value + apart + 0.1, "excess": apart}
            rows.append(row | {"excess_low": apart - 0.2, "excess_high": apart + 0.2})
    power = -0.2 if biased else np.nan
    shrink = [
        {"objective": "sinkhorn", "of": of, "power": power, "power_low": -0.3, "power_high": -0.1}
        for of in ("value at the target", "gain of the best other")
    ]
    factor = 0.6 if biased else 1.0
    best = [
        {"objective": "sinkhorn", "n": n, "factor": factor, "low": factor - 0.02}
        | {"high": factor + 0.02, "at_edge": False}
        for n in (256, 1024)
    ]
    return {
        "summary": pd.DataFrame(rows),
        "shrinkage": pd.DataFrame(shrink),
        "best_factor": pd.DataFrame(best),
    }


def test_a_biased_objective_is_distinguished_from_an_unbiased_one() -> None:
    bad = text_bias.of_objective(objective(True), "chain2", "sinkhorn")
    assert "is 5.00 (4.90 to 5.10) at n = 1024, where an unbiased one is 0" in bad
    assert "n to the power −0.20 (−0.30 to −0.10)" in bad
    assert "scores 1 of 2 wrong generators below the target: “moves x 0.6” (−1.50)" in bad
    assert "0.60 (0.58 to 0.62) at n = 1024, while 1 is right" in bad
    good = text_bias.of_objective(objective(False), "chain2", "sinkhorn")
    assert "none of 2 wrong generators below the target, and 2 of them clearly above" in good
    assert "which is right" in good and "unbiased one" not in good and "power" not in good
    alone = text_bias.of_objective(
        {"summary": objective(True)["summary"].query("n == 256")}, "chain2", "sinkhorn"
    )
    assert "n = 1024" not in alone and "power" not in alone


def study(split_rotation: float, n_seeds: int = 6, spread: float = 0.02) -> dict[str, pd.DataFrame]:
    """Return a study whose networks turn by .5 under the paper's objective."""
    rng = np.random.default_rng(0)
    networks, orbits, metrics = [], [], []
    for objective_, rotation in (("sinkhorn", 0.5), ("split", split_rotation)):
        for batch_size in (256, 512):
            for seed in range(n_seeds):
                name = f"{objective_}-{batch_size}"
                who = {"network": name, "target": "chain2", "seed": seed}
                networks.append(who | ALIKE | {"objective": objective_, "batch_size": batch_size})
                value = rotation + spread * rng.normal()
                orbits.append(who | {"measure": "rotation_best", "value": value})
                dwell = 38.0 if objective_ == "sinkhorn" else 20.0
                metrics.append(
                    who | {"metric": "dwell mean", "value": dwell + rng.normal(), "baseline": 20.1}
                )
    tables = {"networks": networks, "reverse_orbits": orbits, "scores_metrics": metrics}
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}


@pytest.mark.parametrize(
    ("rotation", "says"),
    [
        (0.0, "orbits do not survive the split-sample divergence"),
        (0.2, "orbits survive, but weaker, under the split-sample divergence"),
        (0.5, "orbits survive the split-sample divergence"),
    ],
)
def test_orbits_survive_or_do_not(rotation: float, says: str) -> None:
    reported = text_bias.sentences(study(rotation))
    verdict = [s for s in reported if s.startswith("At the largest batch (512)")]
    assert len(verdict) == 1 and says in verdict[0]
    dwells = [s for s in reported if "batches of 512, the mean dwell" in s]
    assert len(dwells) == 1 and "the target's own is 20.1" in dwells[0]
    assert "p = 0.031, 6 pairs)" in dwells[0]


def test_exits_with_kick_units_are_compared_too() -> None:
    tables = study(0.5)
    who = tables["networks"][["network", "target", "seed"]]
    own = tables["networks"]["objective"].eq("sinkhorn")
    tables["kicks_verdict"] = who.assign(n_exits=2, n_with_kicks=np.where(own, 2, 1))
    reported = [
        s for s in text_bias.sentences(tables) if "share of exits that have kick units" in s
    ]
    assert "is 1.00 (1.00 to 1.00) under the paper's objective (n = 6) and 0.50 (" in reported[0]
    assert "The difference is −0.50" in reported[0]


def test_what_few_seeds_cannot_show_is_not_stated() -> None:
    reported = text_bias.sentences(study(0.0, n_seeds=1))
    assert any("cannot be told: too few seeds" in s for s in reported)
    four = text_bias.sentences(study(0.0, n_seeds=4))
    assert any("which cannot be below 0.12" in s for s in four)
    # Neither clearly there nor clearly less.
    noisy = text_bias.sentences(study(0.3, n_seeds=3, spread=1.0))
    assert any("cannot be shown under" in s for s in noisy)


def test_only_networks_that_are_alike_are_compared() -> None:
    tables = study(0.0)
    other = tables["networks"]["objective"] == "split"
    tables["networks"].loc[other, "n_units"] = 50
    assert text_bias.sentences(tables) == []
    assert list(text_networks.comparable({})) == []


def test_table_of_networks_reaches_the_sentence() -> None:
    (target, networks), *_ = text_networks.comparable(study(0.2))
    table, slopes = compare(networks), trends(networks)
    reported = text_networks.sentences(table, slopes, target, {})
    row = table.set_index(["measure", "batch_size"]).loc[("rotation_best", 256)]
    assert any(f"{row['split']:.2f} (" in s and "batches of 256" in s for s in reported)
    assert any(s.startswith("With each doubling of the batch") for s in reported)


def plateaus(loss: float, escapes: bool = True) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    networks, rows, escape = [], [], []
    for batch_size in (256, 512, 1024):
        for seed in range(4):
            who = {"network": f"plateau-{batch_size}", "target": "chain2", "seed": seed}
            settings = {"objective": "sinkhorn", "n_updates": 800, "batch_size": batch_size}
            settings |= {"n_steps": 30, "learning_rate": 1e-3, "radius": np.nan}
            networks.append(ALIKE | who | settings)
            length = 300 * (batch_size / 512) ** -1.0 * np.exp(0.05 * rng.normal())
            row = who | {"level": 10.0, "floor": 2.0, "start": 20.0, "loss": loss}
            row["loss"] += 0.05 * rng.normal()
            row |= {"escape": 20 + length if escapes else np.nan}
            rows.append(row | {"length": length if escapes else np.nan})
            escape.append(who | grown(20 + length))
    return {
        "networks": pd.DataFrame(networks),
        "trained_plateau": pd.DataFrame(rows),
        "trained_escape": pd.DataFrame(escape),
    }


def grown(reached: float, speeding: float = 0.02, late: float = 100.0) -> dict[str, float]:
    row = {"rate": 0.05, "reached": reached, "first": reached - 100, "last": reached - 20}
    row |= {"speeding": speeding, "speeding_low": speeding - 0.01}
    row |= {"speeding_high": speeding + 0.01, "exponential": reached + late}
    return row | {"early": reached + 2 * late, "hyperbolic": reached - 10}


def test_plateau_of_independent_symbols_is_distinguished_from_another() -> None:
    reported = text_plateau.sentences(plateaus(10.0))
    assert "12 of 12 trainings stood on a plateau" in reported[0]
    assert "The loss there is at that of independent symbols" in reported[0]
    above = text_plateau.sentences(plateaus(12.0))[0]
    assert "lies above" in above and "25" in above
    assert "lies below" in text_plateau.sentences(plateaus(8.0))[0]


def test_length_goes_with_the_batch() -> None:
    reported = text_plateau.sentences(plateaus(10.0))
    sentence = next(
        s for s in reported if s.startswith("The length goes with the size of the batch")
    )
    assert "to the power −1.02 (−1.05 to −0.99)" in sentence
    assert "doubling it multiplies the length by 0.49 (0.48 to 0.50)" in sentence
    assert not any("learning rate" in s for s in reported)
    stuck = text_plateau.sentences(plateaus(10.0, escapes=False))
    assert "No training left its plateau within 800 updates." in stuck


def test_growth_at_a_constant_rate_is_distinguished_from_one_that_speeds_up() -> None:
    reported = text_plateau.sentences(plateaus(10.0))
    assert any("in 12 of 12 the growth speeds up, in 0 it slows down" in s for s in reported)
    assert any("is off by 100" in s and "−10" in s for s in reported)
    assert reported[-1].startswith("So the plateau is no saddle")
    even = pd.DataFrame([grown(300.0 + i, 0.0, 0.0) for i in range(5)])
    same = text_plateau.escape_sentences(even)
    assert same[-1].startswith("So growth at a constant rate") and "in 0 of 5" in same[0]
    nothing = even.assign(rate=np.nan)
    assert (
        "In no training were there enough checkpoints"
        in (text_plateau.escape_sentences(nothing)[0])
    )


def noise_study(resonant: float, deviation: float = 1e-14) -> dict[str, pd.DataFrame]:
    networks, exact, sweep, resonance, sizes = [], [], [], [], []
    for cell, with_bias, by_design in (("relu", False, True), ("tanh", True, False)):
        for seed in range(8):
            who = {"network": cell, "target": "chain2", "seed": seed}
            networks.append(
                who | ALIKE | {"cell": cell, "bias": with_bias, "objective": "sinkhorn"}
            )
            for factor in (0.1, 10.0):
                far = deviation if by_design else 0.5
                row = {"factor": factor, "deviation": far, "by_design": by_design}
                exact.append(who | row | {"same_labels": 1.0 if by_design else 0.8})
            power = 1.0 if by_design else 0.5 + 0.01 * seed
            for sd in (0.1, 1.0, 4.0):
                sizes.append(who | {"noise_sd": sd, "radius": sd**power})
                rate = 0.03 if by_design else 0.03 * sd
                sweep.append(who | {"noise_sd": sd, "measure": "switching_rate", "value": rate})
            for measure in ("dwell_cv", "cycle_cv", "coherence"):
                hit = not by_design and seed < 8 * resonant
                row = {"measure": measure, "gain": 0.2 if hit else -0.1, "resonant": hit}
                resonance.append(who | row)
    rows = {
        "networks": networks, text_homogeneity.EXACT: exact, text_homogeneity.SWEEP: sweep,
        text_homogeneity.RESONANCE: resonance, text_homogeneity.SIZES: sizes,
    }  # fmt: skip
    return {name: pd.DataFrame(table) for name, table in rows.items()}


def test_identity_is_stated_where_it_holds_and_denied_where_it_does_not() -> None:
    reported = text_homogeneity.sentences(noise_study(0.0))
    assert "8 ReLU networks without biases" in reported[0] and "1e-14 of their size" in reported[0]
    assert "identities of these units" in reported[0]
    assert (
        "which is not what the identity says"
        in (text_homogeneity.sentences(noise_study(0.0, 0.3))[0])
    )
    broken = next(s for s in reported if s.startswith("tanh with biases (8 networks)"))
    assert "to the power 0.5" in broken and "which is excluded" in broken and "80.0 %" in broken
    rates = [s for s in reported if "labels switch" in s]
    assert len(rates) == 2 and "that is, not at all" in rates[0]
    assert "0.1200" in rates[1] and "not at all" not in rates[1]


@pytest.mark.parametrize(
    ("share", "says"),
    [(0.0, "no sign of a resonance"), (1.0, "coherence of switching is above 0, a resonance")],
)
def test_resonance_is_stated_where_there_is_one(share: float, says: str) -> None:
    reported = text_homogeneity.sentences(noise_study(share))
    relu, tanh = (s for s in reported if "more regular at some middling noise" in s)
    assert says in tanh and "no sign" in relu
    few = noise_study(1.0)
    resonance_ = few[text_homogeneity.RESONANCE]
    few[text_homogeneity.RESONANCE] = resonance_[resonance_["seed"] < 2]
    assert "in too few networks to tell it from chance" in text_homogeneity.sentences(few)[-1]
    one = noise_study(0.125)
    rare = one[text_homogeneity.RESONANCE]
    rare.loc[rare["measure"] != "dwell_cv", "resonant"] = False
    assert "so chance may have given these" in text_homogeneity.sentences(one)[-1]
    unknown = noise_study(0.0)
    unknown[text_homogeneity.RESONANCE]["gain"] = np.nan
    assert "too few strengths of noise" in text_homogeneity.sentences(unknown)[-1]


def test_answers_of_a_study_that_asks_all_and_of_one_that_asks_nothing() -> None:
    tables = {**noise_study(0.0), **plateaus(10.0)}
    tables["networks"] = pd.concat([noise_study(0.0)["networks"], plateaus(10.0)["networks"]])
    tables |= {f"bias_{k}": v.assign(target="chain2") for k, v in objective(True).items()}
    found = answers(tables)
    assert set(found["question"]) == {"bias", "homogeneity", "plateau"}
    for _, part in found.groupby("question"):
        assert part["part"].tolist() == list(range(len(part)))
    assert found["sentence"].str.endswith(".").all()
    assert not found["sentence"].str.contains(r"\bnan\b").any()
    assert answers({}).empty and list(answers({})) == ["question", "part", "sentence"]


def test_tables_are_read_as_their_modules_make_them() -> None:
    chain, rng = preset_hmm("chain2"), np.random.default_rng(0)
    some, few = reference_generators.hand_made(chain), objective_bias.BiasSettings(n_bootstrap=20)
    drawn = objective_bias.values(chain, 20, 0, ("sinkhorn", "energy"), {32: 3, 64: 3}, some)
    tables = {
        "bias_summary": objective_bias.summary(drawn).assign(target="chain2"),
        "bias_best_factor": objective_bias.best_factor(drawn, rng, few).assign(target="chain2"),
        "bias_shrinkage": objective_bias.shrinkage(drawn, rng, few).assign(target="chain2"),
    }
    torch.manual_seed(0)
    networks, found = [], {"homogeneity": [], "noise_sweep": [], "resonance": [], "sizes": []}
    settings = stochastic_resonance.ResonanceSettings(
        n_homogeneity_runs=2,
        n_homogeneity_steps=20,
        scales=(0.5, 1.0, 2.0),
        n_runs=4,
        n_steps=60,
    )
    for cell, with_bias in (("relu", False), ("tanh", True)):
        who = {"network": cell, "target": "chain2", "seed": 0}
        networks.append(ALIKE | who | {"cell": cell, "bias": with_bias, "objective": "sinkhorn"})
        network = NoiseDriven(cell, 4, 8, bias=with_bias)
        made = torch.Generator().manual_seed(0)
        labels = stochastic_resonance.labels_at(network, (0, 2), made, settings)
        parts = {
            "homogeneity": stochastic_resonance.homogeneity(network, (0, 2), made, settings),
            "noise_sweep": stochastic_resonance.sweep(labels, 2, rng, settings),
            "resonance": stochastic_resonance.resonance(labels, 2, rng, settings),
            "sizes": orbits.sizes(network, made, rng, orbits.OrbitSettings(n_runs=4, n_steps=30)),
        }
        for name, table in parts.items():
            found[name].append(table.assign(**who))
    tables |= {f"reverse_{name}": pd.concat(parts) for name, parts in found.items()}
    answered = answers(tables | {"networks": pd.DataFrame(networks)})
    assert answered["question"].value_counts().to_dict() == {"homogeneity": 6, "bias": 2}
    assert "identities of these units" in answered["sentence"].iloc[2]
    assert "tanh with biases (1 network)" in answered["sentence"].iloc[3]
