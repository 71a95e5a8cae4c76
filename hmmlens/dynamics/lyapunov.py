"""Whether a network driven by noise stays where it is: its top Lyapunov exponent, and long runs.

Torre et al. 2025 train from the zero state over a few dozen steps, which says nothing of later
ones. A network of ``relu`` without biases keeps within bounds if the exponent is below 0, and runs
away at a constant rate if it is above.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from hmmlens.dynamics.rollouts import Driven, draw, flatten, unflatten
from hmmlens.stats.bootstrap import Estimate, mean_estimate

#: A network is stable below this exponent (per step).
STABLE = -0.05
#: A run has left its place at so many times the median size of its state.
FAR = 100.0
#: Sizes of a state beyond which float32 tells no directions apart any more.
LARGEST = 1e30
#: The least growth of a step; a tangent that vanishes would be minus infinity.
LEAST_GROWTH = 1e-30


class FreeRuns(NamedTuple):
    """Sizes |hidden| of states in long runs.

    first, last : medians over the first and the last tenth of the steps
    largest : of all steps and runs; inf when a run left the range of numbers
    left : share of the runs that did, or were ever beyond :data:`FAR` times ``first``
    """

    first: float
    last: float
    largest: float
    left: float


def lyapunov(
    network: Driven,
    generator: torch.Generator,
    n_runs: int = 32,
    n_steps: int = 400,
    warm_up: int = 100,
) -> Estimate:
    """Return the top Lyapunov exponent of the noise-driven network (per step), with its interval.

    A random tangent vector is carried along each run by the step's own derivative and set back to
    length 1 after each step; the exponent is the mean logarithm of its growth (Benettin et al.
    1980). The interval is over runs. A run ends early where its state leaves the range of numbers.

    Parameters
    ----------
    warm_up : steps, of ``n_steps``, in which state and tangent find their place.
    """
    with torch.no_grad():
        entries = flatten(network.start(n_runs))
        drawn = torch.randn(entries.shape, generator=generator, device=generator.device)
        tangent = (drawn / drawn.norm(dim=1, keepdim=True)).to(entries)
        total, count = entries.new_zeros(n_runs), entries.new_zeros(n_runs)
        for t in range(n_steps):
            entries, tangent = _push(network, entries, tangent, draw(network, generator, n_runs))
            length = tangent.norm(dim=1)
            within = entries.abs().amax(dim=1) < LARGEST
            growth = torch.where(within & length.isfinite(), length, 1.0)
            # A run that has only just begun counts where it never gets beyond its warm-up.
            if t == warm_up:
                total, count = total * ~within, count * ~within
            total += growth.clamp_min(LEAST_GROWTH).log()
            count += within
            tangent = tangent / length.clamp_min(LEAST_GROWTH)[:, None]
            entries = torch.where(within[:, None], entries, torch.inf)
        return mean_estimate((total / count).double().cpu().numpy())


def _push(
    network: Driven, entries: Tensor, tangent: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the next entries, and where their derivative takes ``tangent``."""
    with forward_ad.dual_level():
        both = forward_ad.make_dual(entries, tangent)
        pushed: Any = forward_ad.unpack_dual(flatten(network.step(unflatten(both, network), noise)))
        return pushed.primal, pushed.tangent


def free_runs(
    network: Driven,
    generator: torch.Generator,
    n_runs: int = 64,
    n_steps: int = 10_000,
    block: int = 100,
) -> FreeRuns:
    """Let a network run for long from the zero state and return how large its states are.

    Parameters
    ----------
    block : steps whose noise is drawn at once.
    """
    sizes = []
    with torch.inference_mode():
        state = network.start(n_runs)
        for done in range(0, n_steps, block):
            noise = draw(network, generator, min(block, n_steps - done), n_runs)
            for given in noise:
                state = network.step(state, given)
                sizes.append(state[0][0].norm(dim=1))
    # What left the range of numbers stays out of it, be it infinite or no number any more.
    norms = torch.nan_to_num(torch.stack(sizes), torch.inf, torch.inf).double().cpu().numpy()
    tenth = max(1, n_steps // 10)
    first, last = (float(np.median(part)) for part in (norms[:tenth], norms[-tenth:]))
    most = norms.max(axis=0)
    left = float((~np.isfinite(most) | (most > FAR * first)).mean())
    return FreeRuns(first, last, float(most.max()), left)
