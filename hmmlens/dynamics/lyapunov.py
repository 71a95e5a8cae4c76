"""The largest Lyapunov exponent of a network, and the size of its states in long runs.

Torre et al. 2025 train from the zero state over a few dozen steps, which does not show later
ones. A network of ``relu`` without biases keeps within bounds if the exponent is below 0, and
diverges at a constant rate if it is above.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from hmmlens.dynamics.jacobians import DIFFERENCE
from hmmlens.dynamics.protocol import StepNetwork, Values, leaves, step_inputs, takes_tensors
from hmmlens.dynamics.rollouts import sample_noise
from hmmlens.dynamics.state_vectors import advance, flatten, initial_state
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import Estimate, mean_estimate

#: A network is stable below this exponent (per step).
STABLE = -0.05
#: Size of a state beyond which single precision cannot resolve directions any more.
LARGEST = 1e30
#: The least growth of a step; the logarithm of a vanishing tangent would be minus infinity.
LEAST_GROWTH = 1e-30


@dataclass(frozen=True)
class LyapunovSettings:
    """Settings of :func:`lyapunov`.

    Attributes
    ----------
    n_runs : int
        Runs from the network's initial state; where initial states are given, their number holds.
    n_steps : int
        Steps of each run on noise; where inputs are given, their number holds.
    warm_up : int
        First steps, of ``n_steps``, in which state and tangent converge.
    """

    n_runs: int = 32
    n_steps: int = 400
    warm_up: int = 100


@dataclass(frozen=True)
class FreeRunSettings:
    """Settings of :func:`free_runs`.

    Attributes
    ----------
    n_runs : int
        Runs from the network's initial state; where initial states are given, their number holds.
    n_steps : int
        Steps of each run on noise; where inputs are given, their number holds.
    block : int
        Steps whose noise is sampled at once.
    far : float
        A run has escaped at so many times the median size of its first states.
    """

    n_runs: int = 64
    n_steps: int = 10_000
    block: int = 100
    far: float = 100.0


class FreeRuns(NamedTuple):
    """Norms of the hidden state in long runs.

    Attributes
    ----------
    first, last : float
        Medians over the first and the last tenth of the steps.
    largest : float
        Maximum over steps and runs; infinite when a run overflowed.
    left : float
        Share of the runs that overflowed or ever exceeded ``far`` times ``first``.
    """

    first: float
    last: float
    largest: float
    left: float


def lyapunov(
    network: StepNetwork,
    generator: torch.Generator,
    settings: LyapunovSettings = LyapunovSettings(),
    *,
    entries: Values | None = None,
    inputs: Values | None = None,
) -> Estimate:
    """Return the largest Lyapunov exponent of a network (per step), with its interval.

    A random tangent vector is carried along each run by the derivative of the step and normalised
    to length 1 after each step; the exponent is the mean logarithm of its growth (Benettin et al.
    1980). The interval is over runs. A run ends early where its state overflows.

    Parameters
    ----------
    network : StepNetwork
        A network; a :class:`~hmmlens.dynamics.protocol.DrivenNetwork` unless ``inputs`` are given.
    generator : torch.Generator
        Source of tangents and noise.
    settings : LyapunovSettings
        Numbers of runs and steps.
    entries : array of shape (run, entry), optional
        Initial states; those of the network's ``start`` by default.
    inputs : array of shape (run, time, feature) or (run, time), optional
        Input of each step; fresh standard normal noise by default.

    Returns
    -------
    Estimate
        The exponent and the ends of its interval.

    Raises
    ------
    DataError
        When the network needs initial states or inputs that are not given.

    Examples
    --------
    >>> import numpy as np, torch
    >>> class Linear:
    ...     def step(self, state, inputs):
    ...         return 0.5 * state + inputs
    >>> inputs = np.zeros((4, 50, 2))
    >>> exponent = lyapunov(
    ...     Linear(), torch.Generator().manual_seed(0), LyapunovSettings(warm_up=10),
    ...     entries=np.ones((4, 2)), inputs=inputs,
    ... )
    >>> round(exponent.value, 6), round(float(np.log(0.5)), 6)
    (-0.693147, -0.693147)
    """
    with torch.no_grad():
        entries = flatten(initial_state(network, settings.n_runs, entries))
        n_runs = len(entries)
        direction = torch.randn(entries.shape, generator=generator, device=generator.device)
        tangent = (direction / direction.norm(dim=1, keepdim=True)).to(entries)
        total, count = entries.new_zeros(n_runs), entries.new_zeros(n_runs)
        steps = _inputs(network, n_runs, settings.n_steps, 1, generator, inputs)
        for t, given in enumerate(steps):
            entries, tangent = _push(network, entries, tangent, given)
            length = tangent.norm(dim=1)
            within = entries.abs().amax(dim=1) < LARGEST
            growth = torch.where(within & length.isfinite(), length, 1.0)
            # A run that has only just begun counts where it never gets beyond its warm-up.
            if t == settings.warm_up:
                total, count = total * ~within, count * ~within
            total += growth.clamp_min(LEAST_GROWTH).log()
            count += within
            tangent = tangent / length.clamp_min(LEAST_GROWTH)[:, None]
            entries = torch.where(within[:, None], entries, torch.inf)
        return mean_estimate((total / count).double().cpu().numpy())


def free_runs(
    network: StepNetwork,
    generator: torch.Generator,
    settings: FreeRunSettings = FreeRunSettings(),
    *,
    entries: Values | None = None,
    inputs: Values | None = None,
) -> FreeRuns:
    """Run a network for many steps and return the size of its states.

    Parameters
    ----------
    network : StepNetwork
        A network; a :class:`~hmmlens.dynamics.protocol.DrivenNetwork` unless ``inputs`` are given.
    generator : torch.Generator
        Source of the noise.
    settings : FreeRunSettings
        Numbers of runs and steps.
    entries : array of shape (run, entry), optional
        Initial states; those of the network's ``start`` by default.
    inputs : array of shape (run, time, feature) or (run, time), optional
        Input of each step; fresh standard normal noise by default.

    Returns
    -------
    FreeRuns
        Norms of the first array of the state, which holds the hidden units of the first layer.

    Raises
    ------
    DataError
        When the network needs initial states or inputs that are not given.

    Examples
    --------
    >>> import numpy as np, torch
    >>> class Linear:
    ...     def step(self, state, inputs):
    ...         return 0.5 * state + inputs
    >>> runs = free_runs(
    ...     Linear(), torch.Generator().manual_seed(0), FreeRunSettings(block=10),
    ...     entries=np.ones((4, 2)), inputs=np.zeros((4, 50, 2)),
    ... )
    >>> runs.last < runs.first
    True
    """
    norms = []
    with torch.inference_mode():
        state = initial_state(network, settings.n_runs, entries)
        n_runs = len(leaves(state)[0])
        steps = _inputs(network, n_runs, settings.n_steps, settings.block, generator, inputs)
        for given in steps:
            state = network.step(state, step_inputs(network, given))
            norms.append(torch.as_tensor(leaves(state)[0]).norm(dim=1))
    # A run that overflowed counts as infinite, be its state infinite or not a number.
    sizes = torch.nan_to_num(torch.stack(norms), torch.inf, torch.inf).double().cpu().numpy()
    tenth = max(1, len(norms) // 10)
    first, last = (float(np.median(part)) for part in (sizes[:tenth], sizes[-tenth:]))
    most = sizes.max(axis=0)
    left = float((~np.isfinite(most) | (most > settings.far * first)).mean())
    return FreeRuns(first, last, float(most.max()), left)


def _inputs(
    network: Any,
    n_runs: int,
    n_steps: int,
    block: int,
    generator: torch.Generator,
    inputs: Values | None,
) -> Iterator[Tensor]:
    """Yield the input of each step: given ones, or noise that is sampled in blocks of steps."""
    if inputs is not None:
        yield from torch.as_tensor(inputs).transpose(0, 1)
        return
    if not hasattr(network, "n_noise"):
        raise DataError(
            f"{type(network).__name__} has no n_noise, so it cannot be driven by noise; give its "
            "inputs (run, time, feature)"
        )
    for done in range(0, n_steps, block):
        size = min(block, n_steps - done)
        if block == 1:
            yield sample_noise(network, generator, n_runs)
        else:
            yield from sample_noise(network, generator, size, n_runs)


def _push(
    network: StepNetwork, entries: Tensor, tangent: Tensor, inputs: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the next entries, and the image of ``tangent`` under the derivative of the step."""
    if not takes_tensors(network):
        # A difference whose width is relative to the size of the state.
        width = DIFFERENCE * entries.abs().amax(dim=1, keepdim=True).clamp_min(1.0)
        one, two = (advance(network, entries + s * width * tangent, inputs) for s in (1, -1))
        return advance(network, entries, inputs), (one - two) / (2 * width)
    with forward_ad.dual_level():
        both = forward_ad.make_dual(entries, tangent)
        pushed: Any = forward_ad.unpack_dual(advance(network, both, inputs))
        return pushed.primal, pushed.tangent
