"""Renew what ``hmmlens plan`` learns from: ``python benchmarks/plan.py RESULTS [RESULTS ...]``.

Each RESULTS is the folder of a study that was run, such as ``results/default``, with its
``study.json`` and benchmark files. They replace those that are shipped, and how well each study is
predicted from the others is printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hmmlens.plan import costs, measured, text


def main() -> None:
    """Read studies, write them as they are shipped, and print the error of predictions."""
    studies = []
    for folder in map(Path, sys.argv[1:]):
        past = measured.read(folder)
        if past is None or not past.took:
            sys.exit(f"{folder}: there is no study.json with benchmark files beside it")
        studies.append(past)
    if not studies:
        sys.exit(__doc__)
    measured.write(studies, ROOT / "hmmlens" / "plan")
    found = costs.errors(measured.shipped())
    print("\n".join(text.worth(found)), "\n")
    print("| rule | jobs | time | memory | disk |\n|---|---|---|---|---|")
    for rule, part in found.groupby("rule", sort=False):
        factors = (f"{text.factor(part[name], 0.5):.2f}" for name in ("seconds", "mb", "disk_mb"))
        print(f"| {rule} | {len(part)} | {' | '.join(factors)} |")


if __name__ == "__main__":
    main()
