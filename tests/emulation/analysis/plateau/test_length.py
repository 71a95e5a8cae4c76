"""Effects on the length of the plateau, in trainings that are simulated from a known model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from scipy.stats import norm

from hmmlens.emulation.analysis.plateau.length import (
    BASE,
    VARIED,
    LengthSettings,
    by_setting,
    effects,
    grid,
    survival_fit,
)
from hmmlens.study.emulation_study import Emulator

POWERS = {"batch_size": -0.8, "n_steps": 1.5, "learning_rate": -1.0, "radius": -0.5}


def made_up(rng: np.random.Generator, n_updates: float = 1e9, n_seeds: int = 6) -> pd.DataFrame:
    rows = []
    for name, values in VARIED.items():
        for value in (BASE[name], *values):
            for seed in range(n_seeds):
                row = BASE | {name: value}
                shown = row | {"radius": row["radius"] or 3**-0.5}
                length = 300 * np.exp(rng.normal(scale=0.1))
                for factor, power in POWERS.items():
                    base = BASE[factor] or 3**-0.5
                    length *= (shown[factor] / base) ** power
                gone = 20 + length < n_updates
                row |= {"seed": seed, "n_updates": n_updates, "start": 20.0}
                row |= {"escape": 20 + length if gone else np.nan}
                row |= {"length": length if gone else np.nan}
                rows.append(row | {"level": 10.0, "floor": 2.0, "loss": 10.4})
    return pd.DataFrame(rows)


def test_entries_are_networks_of_a_study_one_setting_apart() -> None:
    entries = grid("chain3", 2)
    assert len(entries) == 1 + sum(len(values) for values in VARIED.values())
    made = {name: Emulator(**entry) for name, entry in entries.items()}
    base = made["plateau-base"]
    assert base.target == "chain3" and base.n_seeds == 2 and base.analyses == []
    for name, one in made.items():
        seen = one.training.model_dump() | {"radius": one.radius}
        usual = base.training.model_dump() | {"radius": base.radius}
        assert sum(seen[key] != usual[key] for key in seen) == (name != "plateau-base")


def test_powers_are_found_with_their_intervals() -> None:
    rng = np.random.default_rng(0)
    table = effects(made_up(rng), rng).set_index("setting")
    for name, power in POWERS.items():
        assert table.loc[name, "power"] == pytest.approx(power, abs=0.2)
        assert table.loc[name, "low"] < table.loc[name, "power"] < table.loc[name, "high"]
        assert table.loc[name, "high"] - table.loc[name, "low"] < 0.5


def test_trainings_that_did_not_escape_are_not_taken_for_short_ones() -> None:
    settings = LengthSettings(n_bootstrap=10)
    rng = np.random.default_rng(0)
    runs = made_up(rng, n_updates=420)
    assert 0.6 < runs["escape"].notna().mean() < 0.95
    table = effects(runs, rng, settings).set_index("setting")
    cut = runs["escape"].isna() & (runs["n_steps"] == 45)
    assert cut.any()
    assert table.loc["n_steps", "power"] == pytest.approx(1.5, abs=0.4)
    # Left out, the long ones that are missing would make the power look smaller.
    seen = runs.dropna(subset=["escape"])
    assert (
        effects(seen, rng, settings).set_index("setting").loc["n_steps", "power"]
        < (table.loc["n_steps", "power"])
    )


def test_too_few_escapes_give_no_powers() -> None:
    rng = np.random.default_rng(0)
    runs = made_up(rng, n_updates=150)
    assert runs["escape"].notna().sum() < 6
    assert effects(runs, rng)["power"].isna().all()


@limits(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_fit_of_censored_times_is_a_local_maximum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    design = np.c_[np.ones(40), rng.normal(size=40)]
    time = design @ [1.0, 0.5] + 0.3 * rng.normal(size=40)
    ended = time < 1.3
    time = np.minimum(time, 1.3)
    found = survival_fit(design, time, ended)

    def best(coefficients: np.ndarray) -> float:
        apart = time - design @ coefficients
        return max(
            float((norm.logpdf(apart[ended], scale=w).sum()) + norm.logsf(apart[~ended] / w).sum())
            for w in np.geomspace(0.1, 1, 50)
        )

    for move in 0.05 * rng.normal(size=(8, 2)):
        assert best(found) >= best(found + move) - 1e-3


def test_all_ended_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    design, time = np.c_[np.ones(9), rng.normal(size=9)], rng.normal(size=9)
    found = survival_fit(design, time, np.ones(9, dtype=bool))
    np.testing.assert_allclose(found, np.polyfit(design[:, 1], time, 1)[::-1])


def test_table_of_settings() -> None:
    runs = made_up(np.random.default_rng(0), n_seeds=3)
    runs.loc[runs["batch_size"] == 256, ["escape", "length"]] = np.nan
    table = by_setting(runs)
    assert len(table) == 10 and table["n"].sum() == len(runs)
    small = table[table["batch_size"] == 256].iloc[0]
    assert small["n_escaped"] == 0 and np.isnan(small["length"])
    np.testing.assert_allclose(table["above"], 0.4 / 8)
    one = runs[runs["n_steps"] == 45]["length"]
    row = table[table["n_steps"] == 45].iloc[0]
    assert row["length"] == pytest.approx(one.mean())
    # Student's t of 2 degrees of freedom is 4.303.
    assert row["length_high"] - row["length"] == pytest.approx(4.3027 * one.std() / 3**0.5, 1e-4)
