"""The E-step by the compiled kernel, see ``estep.cpp``."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from hmmlens.hmm.engine.blocks import Block, Workspace
from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.kernel.lanes import LARGE, Lanes, lanes_of
from hmmlens.hmm.engine.parameters import Family, Parameters, Statistics
from hmmlens.hmm.engine.passes import estep, logspace, rescue
from hmmlens.hmm.engine.subnormals import without_subnormals
from hmmlens.hmm.engine.symbols import Categorical

#: Version of the fields of :class:`Problem`.
INTERFACE_VERSION = 2
#: What the kernel makes of values, by covariance type.
MODES = {"tied": 0, "diag": 1, "spherical": 1, "full": 2}
SYMBOLS = 3
#: Numbers that the kernel may hold where NumPy would hold fewer.
FREE = 2**21

_SIZES = ("mode", "n_restarts", "n_states", "n_components", "n_features", "n_lanes", "n_groups")
_LIMITS = ("tiny_scale", "huge_backward", "lowest")
_ARRAYS = (
    *("n_tiles", "n_steps", "is_whole", "values", "mask", "startprob", "transmat", "weights"),
    *("log_likelihood", "start", "trans", "sums", "flagged", "memory"),
)


class Problem(ctypes.Structure):
    """The argument of the kernel, see ``estep.cpp``."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in _SIZES),
        *((name, ctypes.c_double) for name in _LIMITS),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    ]


Expect = Callable[[Parameters, Family, Block, Workspace], Statistics]


def by(library: ctypes.CDLL) -> Expect:
    """Return the E-step of a compiled kernel.

    Parameters
    ----------
    library : CDLL
        The kernel.

    Returns
    -------
    callable
        As :func:`hmmlens.hmm.engine.passes.estep.expect`, which does what the kernel has no code
        for.
    """
    library.memory_size.restype = ctypes.c_int64
    library.expectation.restype = None

    @without_subnormals
    def _compiled(params: Parameters, family: Family, block: Block, space: Workspace) -> Statistics:
        mode = _mode(family, params)
        # Of one sequence a single lane would be used; NumPy cuts it into chunks side by side.
        one = block.packing.is_cut and block.packing.n_sequences == 1
        if mode is None or one:
            return estep.expect(params, family, block, space)
        weights = np.ascontiguousarray(family.weights(params.emission))
        lanes = _lanes(block, family)
        found = None
        if lanes.in_range and _in_range(params, weights):
            found = _expect(library, mode, params, family, block, lanes, weights, space)
        return estep.expect(params, family, block, space) if found is None else found

    return _compiled


def _mode(family: Family, params: Parameters) -> int | None:
    """Return what the kernel makes of values; None where it has no code or needs none."""
    if type(family) is Categorical:
        return SYMBOLS
    if type(family) is not Gaussian or params.startprob.shape[1] == 1:
        return None
    return MODES[family.covariance_type]


def _lanes(block: Block, family: Family) -> Lanes:
    n_symbols = family.n_symbols if isinstance(family, Categorical) else 0
    return block.kept("lanes", lambda: lanes_of(block, n_symbols))


def _in_range(params: Parameters, weights: np.ndarray) -> bool:
    """Return whether no sum of the kernel can overflow; NaN makes a comparison false."""
    parts = (weights, params.startprob, params.transmat)
    return all(bool(np.abs(part).max() < LARGE) for part in parts)


def _expect(
    library: ctypes.CDLL,
    mode: int,
    params: Parameters,
    family: Family,
    block: Block,
    lanes: Lanes,
    weights: np.ndarray,
    space: Workspace,
) -> Statistics | None:
    """Return the statistics; None where the kernel would need more memory than NumPy."""
    n_restarts, n_states, n_features = weights.shape
    n_groups, n_lanes = lanes.sequences.shape
    log_likelihood, start = np.zeros(n_restarts), np.zeros((n_restarts, n_states))
    trans, sums = np.zeros((n_restarts, n_states, n_states)), np.zeros(weights.shape)
    flags = np.zeros((n_restarts, n_groups, n_lanes), dtype=np.int32)
    arrays = {
        "n_tiles": lanes.n_tiles, "n_steps": lanes.n_steps, "is_whole": lanes.is_whole,
        "values": lanes.values, "mask": lanes.mask,
        "startprob": np.ascontiguousarray(params.startprob),
        "transmat": np.ascontiguousarray(params.transmat), "weights": weights,
        "log_likelihood": log_likelihood, "start": start, "trans": trans, "sums": sums,
        "flagged": flags,
    }  # fmt: skip
    problem = Problem(
        mode, n_restarts, n_states, lanes.n_components, n_features, n_lanes, n_groups,
        rescue.TINY_SCALE, rescue.HUGE_BACKWARD, logspace.LOWEST,
        *(array.ctypes.data for array in arrays.values()),
    )  # fmt: skip
    size = library.memory_size(ctypes.byref(problem))
    if size > max(FREE, 3 * n_restarts * n_states * block.n_frames):
        return None
    memory = space.flat("kernel", size)
    problem.memory = memory.ctypes.data
    library.expectation(ctypes.byref(problem))
    flagged = [np.sort(lanes.sequences[each != 0]) for each in flags]
    scatter = block.scatter(family)
    statistics = Statistics(
        log_likelihood=log_likelihood + family.common(params.emission, scatter),
        start=start,
        trans=trans * params.transmat,
        sums=sums,
        scatter=scatter.copy(),
        n_rescued=np.array([len(sequences) for sequences in flagged]),
    )
    rescue.rescue(flagged, params, family, block, weights, statistics)
    return statistics
