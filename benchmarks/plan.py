"""Renew what ``hmmlens plan`` learns from: ``python benchmarks/plan.py RESULTS [RESULTS ...]``.

Each RESULTS is the folder of a study that was run, such as ``results/default``, with its
``study.json`` and benchmark files. It joins those that are shipped, in the place of its namesake,
and how well each study is predicted from the others is printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hmmlens.study.plan import costs, measured, text


def main() -> None:
    """Read studies, write them as they are shipped, and print the error of predictions."""
    if not sys.argv[1:]:
        sys.exit(__doc__)
    studies = {past.study.study: past for past in measured.shipped()}
    for folder in map(Path, sys.argv[1:]):
        past = measured.read(folder)
        if past is None or not past.took:
            sys.exit(f"{folder}: there is no study.json with benchmark files in its folder")
        studies[past.study.study] = past
    measured.write(studies.values(), ROOT / "hmmlens" / "study" / "plan")
    found = costs.errors(measured.shipped())
    print("\n".join(text.worth(found)), "\n")
    print("| rule | jobs | time | memory | disk |\n|---|---|---|---|---|")
    for rule, part in found.groupby("rule", sort=False):
        factors = (f"{text.factor(part[name], 0.5):.2f}" for name in ("seconds", "mb", "disk_mb"))
        print(f"| {rule} | {len(part)} | {' | '.join(factors)} |")


if __name__ == "__main__":
    main()
