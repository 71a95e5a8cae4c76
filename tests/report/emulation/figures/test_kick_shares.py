"""Exits of one training are no independent observations."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from hmmlens.report.emulation.figures.kick_shares import kick_prevalence


def test_trainings_are_the_units_of_the_share_of_exits_with_kick_units():
    # Two trainings in which all exits have kick units, and one without any.
    rows = [
        {"network": "fully3", "target": "fully3", "seed": seed, "exit": exit_, "kind": "group",
         "kicks": seed < 2, "n_units": 3}
        for seed in range(3)
        for exit_ in range(8)
    ]  # fmt: skip
    rows.append({**rows[0], "network": "chain2", "target": "chain2"})
    networks = pd.DataFrame({"network": ["fully3", "chain2"]})
    figure, source = kick_prevalence(networks, pd.DataFrame(rows))
    plt.close(figure)
    many, one = source.to_dict("records")
    # The mean of 1, 1 and 0, and Student's factor for two degrees of freedom.
    half = 4.3027 * np.std([1, 1, 0], ddof=1) / 3**0.5
    assert (many["kicks"], many["n"], many["trainings"]) == (16, 24, 3)
    assert many["share"] == pytest.approx(2 / 3)
    assert many["high"] - many["share"] == pytest.approx(half, rel=1e-4)
    assert one["trainings"] == 1 and np.isnan(one["low"])
