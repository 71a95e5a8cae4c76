"""Kicks that come through one gate, which is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.emulation.kicks.candidates import (
    rank_candidates,
    record_unperturbed_runs,
    steps_to_exit,
)
from hmmlens.emulation.kicks.first_exits import Exits
from hmmlens.emulation.kicks.gate_clamping import (
    ZERO_ABLATION,
    gate_table,
    mean_gates_in_cluster,
    shares_of_best,
)
from hmmlens.emulation.kicks.group_selection import select_kick_group
from hmmlens.emulation.kicks.intervention_tests import fresh_initial_states
from hmmlens.errors import DataError
from hmmlens.rnn.gates import GATES, advance, received
from hmmlens.rnn.noise_driven import NoiseDriven

SYMBOLS = (0, 2)
#: Units that kick out of label 0 and out of label 1, and others that do the same without effect.
OUT, BACK, WITHOUT_EFFECT = [1, 2, 3], [4, 5, 6], [7, 8, 9]
ON, OFF = 20.0, -20.0


def gate_kicked(cell: str, gate: str) -> NoiseDriven:
    """Return a latch (unit 0) that events in one gate of three kick units turn over.

    The other gates of the kick units stay where the bias puts them.
    """
    n = 10
    net = NoiseDriven(cell, 2, n, 3, bias=True)
    names = GATES[cell]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        own, given, bias = net.gates.weight_hh, net.gates.weight_ih, net.gates.bias_ih
        # All gates but the one that makes the event let it through, and nothing is kept.
        still = {"reset": ON, "update": OFF, "candidate": 0.0,
                 "input": ON, "forget": OFF, "cell": ON, "output": ON}  # fmt: skip
        for place, name in enumerate(names):
            bias[place * n : (place + 1) * n] = still[name]
        new = names.index("candidate" if cell == "gru" else "cell") * n
        bias[new] = 0.0
        own[new, 0] = 3.0
        own[new, OUT], own[new, BACK] = -2.5, 2.5
        event = names.index(gate) * n
        for units, line in ((OUT, 0), (WITHOUT_EFFECT, 0), (BACK, 1)):
            for unit in units:
                given[event + unit, line] = 4.0
                bias[event + unit] = -7.0
        if cell == "gru":
            # A candidate that the reset gate lets through, or one that it does not matter for.
            net.gates.bias_hh[new + 1 : new + n] = 3.0 if gate == "reset" else 0.0
        net.out.weight[0, 0], net.out.weight[2, 0] = 5.0, -5.0
    return net


CASES = [("gru", "reset"), ("gru", "candidate"), ("lstm", "input"), ("lstm", "output")]


@pytest.mark.parametrize(("cell", "gate"), CASES)
def test_gate_that_kicks_is_found(cell: str, gate: str) -> None:
    net = gate_kicked(cell, gate)
    generator = torch.Generator().manual_seed(0)
    seen = record_unperturbed_runs(net, SYMBOLS, generator)
    ranked = rank_candidates(net, seen, SYMBOLS, 0)
    assert set(ranked.candidates) == {*OUT, *WITHOUT_EFFECT}
    group = select_kick_group(net, ranked, "hold", SYMBOLS, generator, n_units=3)
    assert set(group.units) == set(OUT)
    starts = fresh_initial_states(net, SYMBOLS, 0, generator, 200)
    sets = np.array([WITHOUT_EFFECT, [7, 8, 4]])
    rng = np.random.default_rng(0)
    table = gate_table(net, seen, group.units, sets, starts, SYMBOLS, rng).set_index("gate")
    assert set(table.index) == {*GATES[cell], "sent", ZERO_ABLATION}
    # What the reset gate lets through goes through the candidate, which must change too.
    through = [gate, "candidate"] if gate == "reset" else [gate]
    for name in (*through, "sent"):
        assert table.loc[name, "reduction"] > 0.95 and table.loc[name, "p"] == 1 / 3
    # A unit that is -1 at rest kicks under zero ablation.
    assert (table.loc[ZERO_ABLATION, "reduction"] > 0.95) == (gate != "candidate")
    others = [name for name in GATES[cell] if name not in through]
    assert (table.loc[others, "reduction"].abs() < 0.05).all()
    assert (table.loc[others, "low"] < 0.05).all()
    assert table.loc[through, "first"].sum() == pytest.approx(1)
    assert (table.loc[others, "first"] == 0).all()
    assert table.loc[["sent", ZERO_ABLATION], "first"].isna().all()
    assert (table["null_mean"].abs() < 0.1).all() and (table["n_null"] == 2).all()


def test_means_are_over_states_far_from_exits() -> None:
    net = gate_kicked("gru", "candidate")
    seen = record_unperturbed_runs(net, SYMBOLS, torch.Generator().manual_seed(0))
    found = mean_gates_in_cluster(net, seen, 1)
    ahead, totals, n = steps_to_exit(seen.labels), {}, 0
    with torch.inference_mode():
        for run in range(len(seen.labels)):
            at = np.flatnonzero((seen.labels[run, 1:] == 1) & (ahead[run, 1:] > 8)) + 1
            state = ((seen.run.states[run, at - 1],),)
            moved = advance(net, state, received(net, seen.run.noise[run, at]))
            for name, part in moved.gates.items():
                totals[name] = totals.get(name, 0) + part.double().sum(dim=0)
            n += len(at)
    for name, total in totals.items():
        # Evenly chosen ones of all.
        np.testing.assert_allclose(found[name], total / n, atol=0.05)
    still = seen._replace(labels=np.zeros_like(seen.labels))
    with pytest.raises(DataError, match="no states were seen in the cluster of label 1"):
        mean_gates_in_cluster(net, still, 1)
    with pytest.raises(DataError, match="relu cell has no gates"):
        mean_gates_in_cluster(NoiseDriven("relu", 2, 10, 3), seen, 1)


def test_share_of_firsts() -> None:
    rng = np.random.default_rng(0)
    steps = np.full((1, 100), 10)
    none, some = np.full((1, 100), -1), np.where(np.arange(100) < 50, 1, -1)[None]
    exits = [Exits(steps, none), Exits(steps, some), Exits(steps, none)]
    np.testing.assert_allclose(shares_of_best(exits, rng), [0.5, 0, 0.5])
    # Two changes that each spare a chance half of the starts are first equally often.
    left = rng.random((2, 1, 100)) < 0.5
    left[1] = ~left[0]
    left[1, 0, :] = left[0, 0, ::-1]
    share = shares_of_best([Exits(steps, np.where(row, 1, -1)) for row in left], rng)
    assert share.sum() == pytest.approx(1) and abs(share[0] - 0.5) < 0.1
