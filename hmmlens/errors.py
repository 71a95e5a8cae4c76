"""Errors that a user can act on: one clear sentence each."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hmmlens import user_text


class HmmlensError(Exception):
    """Base of every error that hmmlens raises on purpose.

    Its message may hold names of the user's, and is shown without what would steer a terminal.
    """

    def __str__(self) -> str:
        """Return the message as plain text."""
        return user_text.block(super().__str__())


class ConfigError(HmmlensError):
    """A setting is wrong; the message names the key, what was found and what is allowed."""


class DataError(HmmlensError, ValueError):
    """Data does not fit; the message names the place and the remedy."""


class StoreError(HmmlensError):
    """A store on disk is missing, half-written, or of another schema version."""


@contextmanager
def no_exit(what: str) -> Iterator[None]:
    """Turn ``sys.exit()`` in a user's own code into an error, so that it cannot pass for success.

    Parameters
    ----------
    what : str
        Whose code it is, such as ``factory my_module:build``.

    Raises
    ------
    DataError
        Instead of ``SystemExit``.
    """
    try:
        yield
    except SystemExit as error:
        raise DataError(
            f"{what}: SystemExit({error.code!r}){place_of(error)} would end the run; take out the "
            "call of sys.exit() or exit()"
        ) from error


def place_of(error: BaseException) -> str:
    """Return where in a user's own code an error arose, as `` (mine.py, line 3)``, or nothing.

    Parameters
    ----------
    error : BaseException
        The error.

    Returns
    -------
    str
        Empty where no file of the user's took part.
    """
    ours = (str(Path(__file__).parent), *(sysconfig.get_paths()[k] for k in ("stdlib", "purelib")))
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_file()]
    own = [frame for frame in frames if not frame.filename.startswith(ours)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def one_line(error: BaseException) -> str:
    r"""Return an error of a user's own code in one line.

    Parameters
    ----------
    error : BaseException
        The error.

    Returns
    -------
    str
        Its type, its place where a file of the user's took part, and the first line of its message.

    Examples
    --------
    >>> one_line(ValueError("wrong\nsee above"))
    'ValueError: wrong'
    """
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}{place_of(error)}: {first}"


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the nearest allowed word, or nothing.

    Parameters
    ----------
    word : str
        What was given.
    allowed : iterable of str
        What may be given.

    Returns
    -------
    str
        Empty where nothing is similar.
    """
    close = _nearest(word, allowed)
    return f" (did you mean {close!r}?)" if close else ""


def _nearest(word: str, allowed: Iterable[str]) -> str | None:
    import difflib

    spelled = {choice.lower(): choice for choice in allowed}
    close = difflib.get_close_matches(word.lower(), spelled, n=1, cutoff=0.6)
    return spelled[close[0]] if close else None
