"""Compare the grades of ``explain``, of a study and of the suite on the same networks.

``python benchmarks/explain_agreement.py FOLDER`` takes the networks that
``benchmarks/verdict_suite.py`` keeps in the folder. ``explain`` is given each as a torch module
that has no method but ``forward``, with targets and the split of the data. The study's path records
the network step by step and judges it with its endpoints and the losses of its task. The suite's
verdict is that of ``verdict_networks.csv``, which compares other sequences with another seed.
``forward`` is the verdict on the module with the sample of states that the study took, which
separates the way in which a network is run from the sampling of states. With ``--stages`` only
the stages on which the grade rests are run, of the study and of ``explain``, which takes a quarter
of the time (``whole`` is False in the table).
``explain_agreement.csv`` has a row for each network; its share of equal verdicts, with exact
intervals, goes to ``explain_rates.csv``. What the first table holds already is not compared again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

if __name__ == "__main__" and os.environ.get(THREADS[0]) != "1":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from hmmlens.explanation.pipeline import explain
from hmmlens.recording.settings import Activations
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.roundtrip import suite, suite_agreement, suite_verdicts
from hmmlens.roundtrip.grades import judge_network
from hmmlens.roundtrip.suite_verdicts import Member
from hmmlens.seeds import derive_seed
from hmmlens.stages.futures import compare_futures
from hmmlens.stages.record import choose_sequences
from hmmlens.validation.grading.verdict import decide_by_futures

TABLES = Path(__file__).resolve().parent


class ForwardOnly(nn.Module):
    """The layer and the readout of a network, without the methods of the protocol."""

    def __init__(self, network: RecurrentNetwork) -> None:
        super().__init__()
        self.recurrent, self.out = network.layers[0], network.out
        self.n_symbols = network.n_inputs if network.symbols_in else 0

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the output at each step."""
        if self.n_symbols:
            inputs = nn.functional.one_hot(inputs.long(), self.n_symbols)
        output: Tensor = self.out(self.recurrent(inputs.float())[0])
        return output


def grade(found: Member, network: nn.Module) -> tuple[str, int | None]:
    """Return grade and number of states by the stages on which the grade alone rests."""
    data = found.data
    rows = choose_sequences(data, Activations().max_frames)
    inputs, length, split = (data[name].to_numpy()[rows] for name in ("input", "length", "split"))
    with torch.no_grad():
        output = found.network(torch.from_numpy(inputs)).double().numpy()
    futures = compare_futures(network, inputs, output, length, split, data.attrs["target_kind"])
    if futures is None:
        return "not judged", None
    verdict = decide_by_futures(futures, found.losses)
    return verdict.grade, verdict.n_states


def compare(place: Path, whole: bool) -> dict[str, Any]:
    """Return the verdicts on one network by the study's path and by ``explain``."""
    found = suite_verdicts.member(place)
    seed = derive_seed(found.seed, "agreement", place.name)
    module = ForwardOnly(found.network).eval()
    same = grade(found, module)
    row: dict[str, Any] = found.about | {"whole": whole}
    row |= dict(zip(("forward", "forward_states"), same, strict=True))
    if whole:
        return row | whole_paths(found, seed, module)
    study = grade(found, found.network)
    row |= dict(zip(("study", "study_states"), study, strict=True))
    return row | dict(zip(("explain", "explain_states"), same, strict=True))


def whole_paths(found: Member, seed: int, module: ForwardOnly) -> dict[str, Any]:
    """Return the verdicts of all stages of a study and of ``explain``."""
    data = found.data
    began = time.process_time()
    study = judge_network(found.network, data, found.losses, Activations().max_frames, seed).row
    middle = time.process_time()
    symbols = data.attrs["target_kind"] == "symbols"
    # What the models are makes no difference to the verdict, so few small ones are fitted.
    floor = found.losses.floor
    explanation = explain(
        module, data["input"].to_numpy(), floor=None if np.isnan(floor) else floor,
        lengths=data["length"].to_numpy(), targets=data["target"].to_numpy(),
        split=data["split"].to_numpy(), outputs="logits" if symbols else "values",
        n_states=[1, 2], n_restarts=1, untrained=None, random_state=seed,
        settings={"controls": {"raw_input": False}}, progress=False,
    )  # fmt: skip
    row = explanation.tables["verdicts"].iloc[0]
    return {
        "study": study["grade"], "study_states": study["n_states"],
        "explain": row["grade"], "explain_states": row["n_states"],
        "study_seconds": round(middle - began, 1),
        "explain_seconds": round(time.process_time() - middle, 1),
    }  # fmt: skip


def main() -> None:
    """Compare what the table lacks, and print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the networks are kept")
    parser.add_argument("--half", nargs="+", default=["reporting"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--cells", nargs="+", default=["gru", "lstm", "vanilla"])
    parser.add_argument(
        "--stages", action="store_true", help="run only the stages on which the grade rests"
    )
    parser.add_argument("--tables", type=Path, default=TABLES, help="where the tables go")
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = args.tables / "explain_agreement.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    known = {(row["task"], row["cell"], row["seed"]) for row in rows}
    for one in suite.index(args.folder).itertuples():
        if one.half not in args.half or one.seed not in args.seeds or one.cell not in args.cells:
            continue
        if (one.task, one.cell, one.seed) in known:
            continue
        rows.append(compare(args.folder / str(one.folder), not args.stages))
        pd.DataFrame(rows).to_csv(path, index=False, float_format="%.6g")
        print(f"{one.folder}: study {rows[-1]['study']}, explain {rows[-1]['explain']}", flush=True)
    verdicts = pd.read_csv(args.tables / "verdict_networks.csv")
    rates = suite_agreement.rates(pd.read_csv(path), verdicts)
    rates.to_csv(args.tables / "explain_rates.csv", index=False, float_format="%.4g")
    print(rates.to_string(index=False))


if __name__ == "__main__":
    main()
