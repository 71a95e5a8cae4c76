"""What the tasks of a sweep share: its settings, its data, and the data as EM reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from hmmlens.hmm.engine.blocks import Block, Workspace, blocks_of
from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.engines import floats_per_frame
from hmmlens.hmm.engine.initialisation import InitialisationSettings
from hmmlens.hmm.engine.parameters import Family
from hmmlens.hmm.engine.streams import ChunkedData
from hmmlens.hmm.engine.symbols import Categorical
from hmmlens.observations import Sequences
from hmmlens.typing import Floats


@dataclass
class SweepSettings:
    """Settings that the tasks of one sweep share; see :class:`hmmlens.HMMSweep`."""

    n_restarts: int
    emission: str
    engine: str
    max_iter: int
    tol: float
    min_covar: float
    random_state: int
    halving: bool
    memory_limit: int
    largest: int
    n_symbols: int
    smoothing: float
    device: str
    wide_initialisation: bool
    initialisation: InitialisationSettings


@dataclass
class SweepData:
    """Train and held-out sequences, and their moments.

    Attributes
    ----------
    train, test : ChunkedData
        In memory, or read again in every step of EM.
    n_frames, n_test : int
        Frames that are observed.
    sample : ndarray of shape (frame, component) or (frame,)
        Train frames for the initialisations: all, or a part of data that are read in chunks.
    centre : ndarray of shape (component,) or None
        Mean of the train frames; None for symbols.
    floor : float
        Smallest variance of every direction.
    """

    train: ChunkedData
    test: ChunkedData | None
    n_frames: int
    n_test: int
    sample: NDArray[Any]
    centre: Floats | None
    floor: float


class FitBuffers:
    """The data packed for one covariance type, and memory to work in, for all numbers of states.

    Parameters
    ----------
    data : SweepData
        The data of the sweep.
    settings : SweepSettings
        The settings of the sweep.
    covariance_type : str
        The covariance type; ``none`` for symbols.
    """

    def __init__(self, data: SweepData, settings: SweepSettings, covariance_type: str) -> None:
        self.covariance_type = covariance_type
        self.family: Family
        if settings.emission == "categorical":
            self.family = Categorical(settings.n_symbols)
        else:
            self.family = Gaussian(covariance_type)
        d = 1 if data.centre is None else len(data.centre)
        rows = settings.n_restarts * settings.largest
        held = floats_per_frame(settings.engine, rows, self.family.n_features(d))

        def _pack(part: Sequences) -> list[Block]:
            limit = settings.memory_limit
            return blocks_of(part.frames, part.lengths, data.centre, held, limit)

        def _packed(source: ChunkedData) -> Callable[[], Iterable[Block]]:
            if source.once is not None:
                blocks = _pack(source.once)
                return lambda: blocks
            return lambda: (block for part in source.chunks() for block in _pack(part))

        self.train = _packed(data.train)
        self.test = None if data.test is None else _packed(data.test)
        self.space = Workspace()
