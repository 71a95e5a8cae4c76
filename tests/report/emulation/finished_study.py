"""Tables of a small made-up study, with the columns that a real one has."""

import numpy as np
import pandas as pd

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.emulation.analysis.objective_bias import FACTORS, TRUE
from hmmlens.emulation.kicks.connectivity import CONTRASTS, SETS

RNG = np.random.default_rng(0)
#: network, target, objective, cell, batch size, steps
NETWORKS = [
    ("chain2", "chain2", "sinkhorn", "relu", 512, 50),
    ("chain3", "chain3", "sinkhorn", "relu", 512, 30),
    ("fully3", "fully3", "split", "relu", 768, 30),
    ("cyclic4", "cyclic4", "split", "relu", 768, 40),
    ("chain2-split", "chain2", "split", "relu", 768, 50),
    ("chain2-tanh", "chain2", "sinkhorn", "tanh", 512, 50),
    ("chain2-gru", "chain2", "sinkhorn", "gru", 512, 50),
]
SEEDS = range(2)
#: Short trainings that differ in the size of the batch alone: network, batch size, seed.
SWEEP = [(f"plateau-batch-size-{n}", n, seed) for n in (256, 512, 1024) for seed in SEEDS]
SYMBOLS = 3
REGIONS = ("transition", "kick", "cluster", "unsure")


def who(names=None):
    """Return (network, target, seed) of every training, or of those of some networks."""
    return [
        {"network": row[0], "target": row[1], "seed": seed}
        for row in NETWORKS
        for seed in SEEDS
        if names is None or row[0] in names
    ]


def around(value, scale=0.1):
    """Return value, low and high around a number."""
    value = float(value * (1 + scale * RNG.normal()))
    half = abs(value) * scale + 1e-3
    return {"value": value, "low": value - half, "high": value + half}


def named(found, name):
    """Return an estimate whose columns are called after it."""
    return {name: found["value"], f"{name}_low": found["low"], f"{name}_high": found["high"]}


def networks():
    rows = []
    for row, about in zip(np.repeat(np.arange(len(NETWORKS)), len(SEEDS)), who(), strict=True):
        _, _, objective, cell, batch, steps = NETWORKS[row]
        rows.append(
            about
            | {"cell": cell, "n_units": 150, "n_noise": 100, "bias": cell == "tanh", "leak": 1.0}
            | {"radius": np.nan, "scored": True, "learning_rate": 1e-3}
            | {"objective": objective, "n_steps": steps, "batch_size": batch, "n_updates": 600}
            | {"carried": 0.0, "activity_penalty": 0.0}
            | {"diverged": row == 6 and about["seed"] == 2, "loss": 4.4, "floor": 4.5}
            | {"loss_ratio": 0.98, "transition_error": 2e-3, "largest_transition_error": 9e-3}
            | {"lyapunov": -0.12, "left": 0.0, "stable": True}
            | {"cpu_training": 80.0, "cpu_analyses": 90.0}
        )
    for name, batch, seed in SWEEP:
        rows.append(
            rows[0]
            | {"network": name, "seed": seed, "batch_size": batch, "n_steps": 30, "scored": False}
            | {"n_units": 50, "n_noise": 10, "n_updates": 800}
        )
    return pd.DataFrame(rows)


def targets():
    rows = []
    for name in dict.fromkeys(row[1] for row in NETWORKS):
        for kind, matrix in preset_hmm(name)._asdict().items():
            for (i, j), value in np.ndenumerate(np.atleast_2d(matrix)):
                rows.append((name, kind, i, j, value))
    return pd.DataFrame(rows, columns=["target", "matrix", "row", "column", "value"])


def history():
    parts = []
    for about in who() + swept():
        update = np.arange(1, 601)
        fall = 1 / (1 + np.exp((update - 150 - 40 * about["seed"]) / 25))
        loss = 4.5 + 13 * fall + 8 * np.exp(-update / 8) + 0.2 * RNG.normal(size=600)
        parts.append(pd.DataFrame(about | {"update": update, "loss": loss, "max_hidden": 9.0}))
    return pd.concat(parts, ignore_index=True)


def swept():
    """Return (network, target, seed) of the short trainings."""
    return [{"network": name, "target": "chain2", "seed": seed} for name, _, seed in SWEEP]


def plateau():
    rows = []
    for about in who() + swept():
        levels = named(around(17.5, 0.01), "level") | named(around(4.5, 0.01), "floor")
        escape = 150.0 + 40 * about["seed"]
        rows.append(about | levels | {"start": 20.0, "escape": escape, "length": escape - 20,
                                      "final": 4.4})  # fmt: skip
        rows[-1]["loss"] = 17.4
    return pd.DataFrame(rows)


def metrics():
    typical = {
        "aligned distance": 4.4, "transition error": 1e-3, "largest transition error": 8e-3,
        "frequency 0": 0.49, "frequency 1": 0.01, "frequency 2": 0.5, "volatility": 6.5,
        "volatility SD": 2.5, **{f"{n}-gram divergence": 0.002 * n for n in range(1, 7)},
        "autocorrelation error": 0.05, "dwell mean": 20.0, "dwell CV": 0.9, "dwell KS": 0.1,
    }  # fmt: skip
    rows = []
    for about in who():
        for name, value in typical.items():
            ours, base = around(1.1 * value, 0.15), around(value, 0.03)
            rows.append(about | {"metric": name} | ours | named(base, "baseline"))
    return pd.DataFrame(rows)


def escape():
    rows = []
    for about in who():
        row = about | {"initial": 1e-3, "first": 20.0, "last": 100.0, "reached": 160.0}
        for name, value in (("rate", 0.02), ("speeding", 0.01), ("exponential", 300.0),
                            ("early", np.nan), ("hyperbolic", 150.0)):  # fmt: skip
            row |= named(around(value), name)
        rows.append(row)
    return pd.DataFrame(rows)


def stability():
    rows = []
    for about in who():
        found = around(-0.13)
        found["lyapunov"] = found.pop("value")
        rows.append(about | found | {"first": 8.0, "last": 8.1, "largest": 25.0, "left": 0.0})
    return pd.DataFrame(rows)


def states():
    """Return the tables of the states' step."""
    tables = {name: [] for name in ("counts", "states", "information", "transitions",
                                    "interchange", "steering", "silencing")}  # fmt: skip
    for about in who(("chain2", "chain3", "fully3", "cyclic4", "chain2-split")):
        n_true = len(preset_hmm(about["target"]).transmat)
        n_symbols = 3 if about["target"] in ("fully3", "cyclic4") else 2
        for n in (n_true, 2 * n_true + 1):
            own = about | {"n_states": n}
            tables["counts"].append(
                own | {"fidelity": 0.9, "fidelity_cells": 0.8, "elbow": 1.0, "bic": 1e4}
                | {"held_out": 3.0, "is_true": n == n_true, "is_elbow": False, "is_bic": False}
                | {"bic_at_edge": False, "is_faithful": n > n_true}
            )  # fmt: skip
            for state in range(n):
                distribution = RNG.dirichlet([0.4, 0.4, 1.5, 0.1])
                tables["states"].append(
                    own | {"state": state, "occupancy": 1 / n, "mean_dwell": 9.0}
                    | {"label": state % n_symbols, "region": REGIONS[distribution.argmax()]}
                    | {f"in_{r}": p for r, p in zip(REGIONS, distribution, strict=True)}
                    | {f"of_{r}": 1 / n for r in REGIONS}
                )  # fmt: skip
            for of, share in (("label", 0.9), ("region", 0.4), ("both", 0.6),
                              ("region within label", 0.35)):  # fmt: skip
                found = around(share, 0.05)
                found["share"] = found.pop("value")
                tables["information"].append(
                    own | {"of": of, "nats": 0.3} | found
                    | {"null": 0.03, "null_high": 0.06, "p": 0.005}
                )  # fmt: skip
            for name, far in (("fitted", 0.05), ("counted", 0.06), ("network's symbols", 0.07),
                              ("target's symbols", 0.04), ("target's states", 0.01)):  # fmt: skip
                found = around(far)
                found["distance"] = found.pop("value")
                tables["transitions"].append(own | {"transitions": name} | found | {"defect": 0.0})
            for name, value in (("js_within", 0.01), ("js_between", 0.1), ("ratio", 0.2),
                                ("accuracy", 0.95), ("js_floor", 0.004)):  # fmt: skip
                tables["interchange"].append(
                    own | {"statistic": name} | around(value) | {"null": 0.98, "p": 0.005}
                )
            for move, slope in (("steered", 0.9), ("random", 0.1), ("inside", 0.2),
                                ("wrong", -0.4), ("donor", 1.0)):  # fmt: skip
                if move == "wrong" and n < 3:
                    continue
                for h in range(11):
                    found = around(slope * (1 - 0.04 * h))
                    tables["steering"].append(
                        own | {"move": move, "h": h, "n": 700} | named(found, "slope")
                        | named(around(0.8), "r2") | named(around(0.02), "kl")
                    )  # fmt: skip
            for leave in range(n_symbols):
                for unit in ("kick", *(f"random {i}" for i in range(1, 9))):
                    seen = 0.8 if unit == "kick" else 0.2 * RNG.normal()
                    tables["silencing"].append(
                        own | {"leave": leave, "units": unit, "members": "1 2 3", "hazard": 0.05}
                        | named(around(seen), "reduction") | {"foretold": seen + 0.1}
                    )  # fmt: skip
    for row in tables["silencing"]:
        row["reduction"] = row.pop("reduction")
    return {f"states_{name}": pd.DataFrame(rows) for name, rows in tables.items()}


def reverse():
    """Return the tables of the reverse engineering."""
    names = ("orbits", "readout", "sizes", "evolution", "onset", "regions", "sensitivity", "pairs",
             "noise_sweep", "resonance", "second_order")  # fmt: skip
    tables = {name: [] for name in names}
    for about in who():
        for measure, value in (("pc1", 0.55), ("pc2", 0.15), ("radius", 7.0), ("rotation", 0.5),
                               ("turns_per_100", 1.5), ("rotation_best", 0.6)):  # fmt: skip
            tables["orbits"].append(about | {"measure": measure} | around(value))
        for symbol in (0, 2, -1):
            found = around(0.4)
            found["projection"] = found.pop("value")
            tables["readout"].append(
                about | {"symbol": symbol, "angle": 66.0, "chance": 0.2} | found
            )
        for sd in (0.1, 0.5, 1.0, 2.0, 4.0):
            low = 0 if about["network"] != "chain2-tanh" else 0.3 * np.log(sd)
            tables["sizes"].append(
                about | {"noise_sd": sd, "radius": 7 * sd, "low": 6.9 * sd, "high": 7.1 * sd}
                | {"radius_per_sd": 7 - low, "radius_all": 9 * sd, "rotation": 0.5}
            )  # fmt: skip
        for measure in ("switching_rate", "dwell_cv", "cycle_cv", "coherence"):
            for sd in (0.1, 0.2, 0.5, 1.0, 2.0, 4.0):
                tables["noise_sweep"].append(
                    about | {"noise_sd": sd, "measure": measure, "n_dwells": 300} | around(0.5)
                )
            found = around(-0.05)
            found["gain"] = found.pop("value")
            tables["resonance"].append(
                about | {"measure": measure, "best_sd": 1.0, "weakest_sd": 0.1}
                | {"strongest_sd": 4.0, "resonant": False} | found
            )  # fmt: skip
        for update in range(0, 601, 30):
            up = 1 / (1 + np.exp(-(update - 160) / 20))
            row = {"update": update, "finite": update != 90, "largest": 9.0}
            row |= {"switching_rate": 0.5 - 0.45 * up, "paper_rate": 0.6 - 0.5 * up}
            row |= named(around(0.02 + 0.2 * up), "critical") | named(around(0.3 * up), "unstable")
            row |= {"rotation": 0.5 * up, "turns_per_100": 1.5, "rotation_best": 0.6 * up}
            row["second_order"] = 1 + up
            for unit in range(8):
                tables["second_order"].append(
                    about | {"update": update, "unit": unit, "term": unit * up}
                )
            tables["evolution"].append(about | (row if update != 90 else {"update": update}))
        for measure, update in (("critical", 160.0), ("unstable", np.nan)):
            tables["onset"].append(
                about | {"measure": measure, "update": update, "before": 0.02, "above": 0.04}
            )
        for i, region in enumerate(REGIONS):
            for measure, values in (
                ("share", (0.03, 0.07, 0.88, 0.02)), ("residency", (1.2, 5.0, 20.0, 15.0)),
                ("sign_changes", (0.1, 2.0, 10.0, 8.0)), ("n_unstable", (0.4, 0.3, 0.1, 0.1)),
                ("n_critical", (0.2, 0.2, 0.1, 0.1)), ("any_unstable", (0.3, 0.3, 0.1, 0.1)),
            ):  # fmt: skip
                tables["regions"].append(
                    about | {"region": region, "measure": measure, "n_states": 100}
                    | around(values[i])
                )  # fmt: skip
        for mix in ("linear", "preserving"):
            for share in (0.0, 0.5, 1.0):
                for step in range(1, 6):
                    for measure in ("trace", "distance"):
                        for point, value in (("cluster", 9 * step), ("kick", 7 * step),
                                             ("ratio", 1.3)):  # fmt: skip
                            tables["sensitivity"].append(
                                about | {"mix": mix, "share": share, "step": step, "n_switches": 19}
                                | {"measure": measure, "point": point} | around(value * share)
                            )  # fmt: skip
        n_labels = 3 if about["target"] in ("fully3", "cyclic4") else 2
        for one in range(n_labels):
            for two in range(one + 1, n_labels):
                distribution = RNG.dirichlet([1, 1, 8, 0.5])
                tables["pairs"].append(
                    about | {"first": one, "second": two, "n_stretches": 4, "n_steps": 1000}
                    | {"longest": 300, "switches_per_100": 4.0}
                    | {"pc1": 0.7, "pc2": 0.15, "pc3": 0.05}
                    | named(around(0.4), "rotation") | named(around(1.0), "turns_per_100")
                    | {"rotation_best": 0.5} | dict(zip(REGIONS, distribution, strict=True))
                )  # fmt: skip
    return {f"reverse_{name}": pd.DataFrame(rows) for name, rows in tables.items()}


def kicks():
    """Return the tables of the kick units' step."""
    names = ("kicks", "gated", "dose", "noise_cut", "repeat", "levels", "activity", "blocks",
             "connectivity", "critical", "gates", "plane", "paths", "verdict")  # fmt: skip
    tables = {name: [] for name in names}
    for about in who():
        n_exits = 3 if about["target"] in ("fully3", "cyclic4") else 2
        gated, null = around(0.7), {"mean": 0.02, "median": 0.0, "q95": 0.2, "little": 0.9}
        lost = {"reduction": gated["value"], "low": gated["low"], "high": gated["high"]}
        tables["verdict"].append(about | {"n_exits": n_exits, "n_with_kicks": n_exits - 1}
                                 | {"g1": True, "g2": False})  # fmt: skip
        tables["gated"].append(about | {"how": "drive"} | lost | null | {"n": 100, "p": 0.0099})
        for exit_ in range(n_exits):
            own = about | {"exit": exit_}
            for kind in ("group", "three"):
                found = around(0.65)
                lost = {"reduction": found["value"], "low": found["low"], "high": found["high"]}
                some = bool(RNG.random() > 0.2)
                tables["kicks"].append(
                    own | {"symbol": exit_, "kind": kind, "how": "drive", "kicks": some}
                    | {"reason": "" if some else "no more than other units"}
                    | {"n_units": int(RNG.integers(3, 10)) if some else 0, "units": "1 2 3"}
                    | lost | {"matched_mean": -0.1, "matched_q95": 0.25, "selective_q95": 0.5}
                )  # fmt: skip
                tables["repeat"].append(own | {"kind": kind, "n_units": 3, "jaccard": RNG.random()})
            if about["network"] == "chain2-gru":
                for gate in ("reset", "update", "candidate", "sent", "silenced"):
                    found = around(0.5)
                    found["reduction"] = found.pop("value")
                    tables["gates"].append(
                        own | {"gate": gate, "n_units": 3, "first": 0.3} | found
                        | {"null_mean": 0.0, "null_q95": 0.2, "n_null": 100, "p": 0.0099}
                    )  # fmt: skip
            for label in range(n_exits):
                for i, region in enumerate(REGIONS):
                    mean = (2.5, 2.0, -1.0, 1.0)[i] if label == exit_ else 1.0
                    found = around(mean)
                    found["level"] = found.pop("value")
                    tables["levels"].append(
                        own | {"label": label, "region": region, "positive": 0.5, "n_states": 50}
                        | found
                    )  # fmt: skip
            for run in range(2):
                for time in range(40):
                    place = {"pc1": np.cos(time / 6), "pc2": np.sin(time / 6) + 0.05 * run}
                    tables["plane"].append(own | {"run": run, "time": time} | place
                                           | {"label": 0, "level": np.sin(time / 6)})  # fmt: skip
            if about["network"] == "chain2-gru":
                continue
            for factor in (0.0, 1.0, 1.9):
                for path in range(3):
                    for time in range(61):
                        place = {"pc1": factor * time / 60, "pc2": 0.1 * path}
                        tables["paths"].append(own | {"factor": factor, "path": path, "time": time}
                                               | place | {"label": 0})  # fmt: skip
            tables["noise_cut"].append(own | {"n_inputs": 50} | lost | null | {"n": 100, "p": 0.01})
            for of in ("drive", "noise", "control"):
                for i in range(21):
                    row = own | {"of": of, "n_units": 3, "factor": i / 10, "rate": 1.0}
                    row["hazard"] = 1.0 if of == "control" else np.exp(i / 10 - 1)
                    known = around(-0.15 + 0.09 * i / 10) if i % 5 == 0 and of == "drive" else None
                    limits = {"value": np.nan, "low": np.nan, "high": np.nan}
                    row |= {"unbounded": 0.0} | named(known or limits, "lyapunov")
                    tables["dose"].append(row)
                for factor in (0.0, 1.0, 1.5):
                    tables["critical"].append(own | {"of": of, "factor": factor, "n_switches": 12}
                                              | {"pairs": 3 + 4 * factor, "sd": 1.0})  # fmt: skip
            for lag in range(-15, 16):
                for name in (*(f"kick {e}" for e in range(n_exits)), "integrators 0 over 1",
                             "integrators 1 over 0"):  # fmt: skip
                    found = around(1 + np.exp(-((lag / 4) ** 2)))
                    found["activity"] = found.pop("value")
                    tables["activity"].append(own | {"lag": lag, "set": name} | found)
        if about["network"] == "chain2-gru":
            continue
        for one in range(n_exits):
            for other in range(one + 1, n_exits):
                own = about | {"exit_1": one, "exit_2": other}
                for to in SETS:
                    for source in SETS:
                        same = to[-1] == source[-1]
                        tables["blocks"].append(
                            own | {"to": to, "from": source, "weight": 0.05 if same else -0.04}
                        )
                for contrast in CONTRASTS:
                    value = around(0.08)["value"]
                    for null in ("inputs", "outputs", "matched", "selective"):
                        tables["connectivity"].append(
                            own | {"contrast": contrast, "value": value, "null": null}
                            | {"null_mean": 0.01, "null_low": -0.04, "null_high": 0.06}
                            | {"n_null": 200, "p": 0.005}
                        )  # fmt: skip
    return {f"kicks_{name}": pd.DataFrame(rows) for name, rows in tables.items()}


def bias():
    """Return the tables of the objectives' bias."""
    summary, best = [], []
    names = (TRUE, *(f"moves x {f:g}" for f in FACTORS), "regular dwells", "no rare symbol",
             "no rare symbol, moves x 0.6", "no rare symbol, moves x 0.6, regular dwells",
             "independent symbols")  # fmt: skip
    for objective, size in (("sinkhorn", 11.0), ("split", 0.1), ("energy", 0.1)):
        for n in (256, 512, 1024, 2048, 4096):
            about = {"target": "chain2", "objective": objective, "n": n}
            for i, name in enumerate(names):
                away = 0.0 if name == TRUE else (i - 6) * 0.1 * size / np.log2(n)
                away = 12.0 if name == "independent symbols" else away
                found = around(size / np.log2(n), 0.02)
                excess = {"value": away, "low": away - 0.02, "high": away + 0.02}
                summary.append(
                    about | {"generator": name} | found | named(excess, "excess")
                    | {"lowest": i == 1, "wins": 0.1, "n_draws": 4}
                )  # fmt: skip
            found = around(0.7 if objective == "sinkhorn" else 1.0, 0.05)
            found["factor"] = found.pop("value")
            best.append(about | found | {"at_edge": n == 256 and objective == "sinkhorn"})
    return {"bias_summary": pd.DataFrame(summary), "bias_best_factor": pd.DataFrame(best)}


def tables():
    """Return every table of the study, by name."""
    return {
        "networks": networks(),
        "targets": targets(),
        "trained_history": history(),
        "trained_plateau": plateau(),
        "trained_escape": escape(),
        "scores_metrics": metrics(),
        "scores_stability": stability(),
        **reverse(),
        **kicks(),
        **states(),
        **bias(),
    }


def pictures():
    """Return the tables of one network's pictures."""
    turn = np.linspace(0, 6 * np.pi, 200)
    around_ = pd.DataFrame({"time": range(200), "pc1": np.cos(turn), "pc2": np.sin(turn)})
    around_["label"] = (around_["pc1"] > 0).astype(int)
    fall = np.exp(-np.arange(30) / 5)
    silent = [
        pd.DataFrame({"start": i, "time": range(30)} | {"pc1": fall * np.cos(i)}
                     | {"pc2": fall * np.sin(i)})
        for i in range(10)
    ]  # fmt: skip
    x, y = np.meshgrid(np.linspace(-3, 3, 30), np.linspace(-3, 3, 30), indexing="ij")
    contours = []
    for sd in (0.5, 1.0):
        density = np.exp(-((x / sd) ** 2 + (y / sd) ** 2)).ravel()
        contours.append(pd.DataFrame({"noise_sd": sd, "x": x.ravel(), "y": y.ravel()})
                        .assign(density=density, level=0.1))  # fmt: skip
    rollouts = [
        {"point": point, "share": share, "rollout": rollout, "step": step}
        | {"pc1": step * share * RNG.normal(), "pc2": step * 1.0}
        for point in ("cluster", "kick")
        for share in (0.0, 0.5, 1.0)
        for rollout in range(5)
        for step in range(6)
    ]
    n = 300
    states = pd.DataFrame(
        {"pc1": RNG.normal(size=n), "pc2": RNG.normal(size=n), "label": RNG.integers(2, size=n)}
        | {"region": RNG.choice(REGIONS, n), "residency": RNG.uniform(1, 60, n)}
        | {"sign_changes": RNG.uniform(0, 25, n), "n_unstable": RNG.integers(3, size=n)}
    )
    pairs = [(0, 1), (0, 2), (1, 2)]
    longest = [around_.assign(pc3=np.sin(2 * turn), first=a, second=b) for a, b in pairs]
    stack = [around_.assign(update=update) for update in (0, 60, 120, 180, 300, 600)]
    return {
        "states": states,
        "driven": around_,
        "silent": pd.concat(silent),
        "contours": pd.concat(contours),
        "rollouts": pd.DataFrame(rollouts),
        "longest": pd.concat(longest),
        "stack": pd.concat(stack),
    }


def write(folder):
    """Write a study: its tables into ``tables``, and pictures of the first seeds."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for name, table in tables().items():
        table.to_csv(folder / "tables" / f"{name}.csv", index=False)
    for name, *_ in NETWORKS:
        place = folder / name / "0" / "reverse" / "pictures"
        place.mkdir(parents=True, exist_ok=True)
        for picture, table in pictures().items():
            table.to_csv(place / f"{picture}.csv", index=False)
