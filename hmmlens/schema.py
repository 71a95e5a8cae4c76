"""Write the JSON Schema of the config: ``python -m hmmlens.schema [--check]``.

Editors complete and check ``config.yaml`` against ``workflow/schemas/config.schema.json``. The
file is made from :class:`hmmlens.config.Study` and never edited by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hmmlens.config import Study

PATH = Path(__file__).resolve().parents[1] / "workflow" / "schemas" / "config.schema.json"


def text() -> str:
    """Return the JSON Schema of a study, as it is written to the file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Study.model_json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file, or with ``--check`` only say whether it is in step with the models."""
    parser = argparse.ArgumentParser(prog="python -m hmmlens.schema", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if it differs")
    if not parser.parse_args(argv).check:
        PATH.write_text(text(), encoding="utf-8")
        return 0
    if PATH.is_file() and PATH.read_text(encoding="utf-8") == text():
        return 0
    print(f"{PATH}: differs from hmmlens/config.py; run python -m hmmlens.schema", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
