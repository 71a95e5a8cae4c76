"""The E-step of ``estep`` in torch, for a device that NumPy cannot reach.

The same recursions on the same panels in float64. What scaling cannot do is done by the same code
in log space on the host. On a CPU it is slower than NumPy, which works in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hmmlens.errors import DataError
from hmmlens.hmm.engine.blocks import Block, Workspace
from hmmlens.hmm.engine.chunks import joints
from hmmlens.hmm.engine.parameters import Family, Parameters, Statistics
from hmmlens.hmm.engine.passes import estep, rescue
from hmmlens.hmm.engine.subnormals import without_subnormals

if TYPE_CHECKING:
    import torch

    from hmmlens.hmm.engine.em import Expect


def on(device: str) -> Expect:
    """Return the E-step on a device.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda``, or ``auto`` for the latter where there is one.

    Returns
    -------
    callable
        See :data:`hmmlens.hmm.engine.em.Expect`.

    Raises
    ------
    DataError
        When the device is not there.
    """
    import torch

    if device not in ("auto", "cpu", "cuda"):
        raise DataError(f"device must be auto, cpu or cuda, found {device!r}")
    there_is_one = torch.cuda.is_available()
    if device == "cuda" and not there_is_one:
        raise DataError("device is cuda, but torch sees no CUDA device; use auto or cpu")
    place = torch.device("cuda" if device != "cpu" and there_is_one else "cpu")

    def _run(params: Parameters, family: Family, block: Block, space: Workspace) -> Statistics:
        return _expect(params, family, block, space, place)

    return _run


@without_subnormals
def _expect(
    params: Parameters, family: Family, block: Block, space: Workspace, device: torch.device
) -> Statistics:
    """Return expected sufficient statistics of one block, see :func:`.estep.expect`."""
    import torch

    packing = block.packing
    weights = family.weights(params.emission)
    n_restarts, n_states = params.startprob.shape
    if n_states == 1 and family.logarithmic:
        return estep.expect(params, family, block, space)

    def there(array: Any) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float64, device=device)

    features = _features(family, block, device)
    density = there(weights).flatten(0, 1) @ features
    density = density.unflatten(0, (n_restarts, n_states))
    top = torch.zeros_like(density[:, 0])
    if family.logarithmic:
        top = density.amax(dim=1)
        density = (density - top[:, None]).exp_()
    initial, final = params.startprob[:, :, None], None
    if packing.is_cut:
        with np.errstate(all="ignore"):
            steps = np.split(density.cpu().numpy(), packing.offsets[1:-1], axis=2)
            initial, final = joints(params, packing, steps)
    transmat = there(params.transmat)
    alpha, scale = _forward(there(initial), transmat, packing, density)
    beta = _backward(None if final is None else there(final), transmat, packing, density, alpha)
    highest = beta.amax(dim=1).cpu().numpy()
    flagged = rescue.doubtful(packing, scale.cpu().numpy(), highest)
    gamma, scale = alpha * beta, scale.log_() + top
    for restart, sequences in enumerate(flagged):
        for columns in map(packing.columns_of, sequences.tolist()):
            at = torch.as_tensor(columns, device=device)
            for panel in (density, alpha, gamma):
                panel[restart][:, at] = 0
            scale[restart, at] = 0
    joint = torch.zeros_like(transmat)
    for before, after in packing.pairs():
        joint += alpha[:, :, before] @ density[:, :, after].transpose(1, 2)
    if packing.is_cut:
        lanes = packing.cuts
        left, right = (
            torch.as_tensor(at, device=device) for at in (packing.last[lanes[0]], lanes[1])
        )
        joint += alpha[:, :, left] @ density[:, :, right].transpose(1, 2)
    first = torch.as_tensor(packing.chain[0], device=device)
    sums = (gamma.flatten(0, 1) @ features.T).unflatten(0, (n_restarts, n_states))
    scatter = block.scatter(family)
    statistics = Statistics(
        log_likelihood=scale.sum(dim=1).cpu().numpy() + family.common(params.emission, scatter),
        start=gamma[:, :, first].sum(dim=2).cpu().numpy(),
        trans=(joint * transmat).cpu().numpy(),
        sums=sums.cpu().numpy(),
        scatter=scatter.copy(),
        n_rescued=np.array([len(sequences) for sequences in flagged]),
    )
    rescue.rescue(flagged, params, family, block, weights, statistics)
    return statistics


def _features(family: Family, block: Block, device: torch.device) -> torch.Tensor:
    """Return the features (feature, column) on the device, kept there between E-steps."""
    import torch

    held = getattr(block, "_on_device", None)
    if held is None or held[0] is not family or held[1] != device:
        # A buffer of its own, which a later block must not overwrite.
        phi = torch.as_tensor(block.features(family, slice(None), Workspace()), device=device)
        held = (family, device, phi)
        block._on_device = held  # type: ignore[attr-defined]
    tensor: torch.Tensor = held[2]
    return tensor


def _forward(
    initial: torch.Tensor, transmat: torch.Tensor, packing: Any, density: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``alpha`` and ``scale``; ``density`` is divided by ``scale``."""
    import torch

    alpha, scale = torch.empty_like(density), torch.empty_like(density[:, 0])
    transposed = transmat.transpose(1, 2)
    offsets, counts = packing.offsets.tolist(), packing.counts.tolist()
    distribution = initial
    for t, n in enumerate(counts):
        lo, hi = offsets[t], offsets[t + 1]
        if t:
            before = offsets[t - 1]
            distribution = transposed @ alpha[:, :, before : before + n]
        here = distribution * density[:, :, lo:hi]
        norm = here.sum(dim=1)
        scale[:, lo:hi] = norm
        torch.div(here, norm[:, None], out=alpha[:, :, lo:hi])
    density /= scale[:, None]
    return alpha, scale


def _backward(
    final: torch.Tensor | None,
    transmat: torch.Tensor,
    packing: Any,
    density: torch.Tensor,
    alpha: torch.Tensor,
) -> torch.Tensor:
    """Return ``beta``; ``density`` is multiplied by it."""
    import torch

    beta = torch.ones_like(density)
    offsets, counts = packing.offsets.tolist(), [*packing.counts.tolist(), 0]
    if final is not None:
        last = torch.as_tensor(packing.last, device=density.device)
        final = final / (alpha[:, :, last] * final).sum(dim=1, keepdim=True)
    for t in range(packing.n_steps - 1, -1, -1):
        lo, hi, n = offsets[t], offsets[t + 1], counts[t + 1]
        if n < counts[t] and final is not None:
            beta[:, :, lo + n : hi] = final[:, :, n : counts[t]]
        if n:
            beta[:, :, lo : lo + n] = transmat @ density[:, :, hi : hi + n]
        density[:, :, lo:hi] *= beta[:, :, lo:hi]
    return beta
