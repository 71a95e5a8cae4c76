"""The line in a job's log that states how much CPU time passed before its script began."""

from __future__ import annotations

import re
import time

_LINE = re.compile(r"^[\d-]+ [\d:,]+ INFO start-up took (\d+\.\d\d) s of CPU time$", re.MULTILINE)


def line() -> str:
    """Return the line, where the imports of a script end.

    Returns
    -------
    str
        With the CPU seconds of this process so far.
    """
    return f"start-up took {time.process_time():.2f} s of CPU time"


def seconds_in(log: str) -> float | None:
    """Return the CPU seconds of the line in a job's log.

    Parameters
    ----------
    log : str
        Text of the log.

    Returns
    -------
    float or None
        None where there is no such line, as in logs of earlier versions.

    Examples
    --------
    >>> seconds_in("2026-01-31 12:00:00,000 INFO start-up took 0.93 s of CPU time")
    0.93
    """
    found = _LINE.search(log)
    return None if found is None else float(found[1])
