"""Start of every script of the workflow: all output and errors go to the job's log."""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import os
import sys
from typing import Any

import hmmlens
from hmmlens.study import failures, start_up


def start(snakemake: Any) -> logging.Logger:
    """Send logging, stdout, stderr and uncaught errors of this process to the rule's log.

    It takes the object that Snakemake gives to a script, and returns the logger of the rule.
    """
    # Open until the job ends.
    stream = open(  # noqa: SIM115
        snakemake.log[0], "w", buffering=1, encoding="utf-8", errors="backslashreplace"
    )
    # At the level of file descriptors, so that compiled libraries are caught too.
    os.dup2(stream.fileno(), 1)
    os.dup2(stream.fileno(), 2)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(failures.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    sys.excepthook = failures.log_error
    atexit.register(failures.check_written, [str(path) for path in snakemake.output])
    log = logging.getLogger(snakemake.rule)
    log.info(
        "hmmlens %s, rule %s, %s", hmmlens.__version__, snakemake.rule, dict(snakemake.wildcards)
    )
    log.info(start_up.line())
    return log


def made_by(snakemake: Any) -> dict[str, Any]:
    """Return the attributes of a store that record its origin, equal for equal settings.

    These are study, rule, version, hash of the settings, and seed.
    """
    params = {name: value for name, value in snakemake.params.items()}
    digest = hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()
    return {
        "study": params.get("study", ""),
        "created_by": f"{snakemake.rule}, hmmlens {hmmlens.__version__}",
        "config_hash": digest[:16],
        "seed": params.get("seed", -1),
    }
