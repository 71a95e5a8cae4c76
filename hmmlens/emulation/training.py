"""Train a network to emit sequences distributed as those of a hidden Markov model.

Everything random in an update depends on the seed and the update's number alone, so that a run that
is killed and started again ends with the same bits as one that was not. Diverging states are
reported in the history; the settings against them are the penalty of activity, carried states and
drops of the learning rate.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.emulation.checkpoints import Checkpoints
from hmmlens.emulation.objectives import OBJECTIVES, emit
from hmmlens.emulation.settings import Emulation, EmulationNetwork
from hmmlens.errors import DataError
from hmmlens.rnn.adam import Adam
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import State
from hmmlens.seeds import derive_seed

log = logging.getLogger(__name__)

#: Columns of the history: the update's number, counted from 1; the objective without the penalty;
#: the penalty with its weight; norm of the gradient before it is clipped; largest |hidden| of the
#: batch; learning rate; updates skipped so far because the gradient was not finite; seconds.
HISTORY = ["update", "loss", "penalty", "grad_norm", "max_hidden", "rate", "skipped", "seconds"]


@dataclass(frozen=True)
class TrainingLimits:
    """Limits of a training that its results hardly depend on.

    Attributes
    ----------
    max_skipped : int
        A training has diverged after this number of consecutive updates without a finite gradient.
    max_hidden : float
        Largest absolute hidden state that is learnt from; its square is still a number.
    max_carried : float
        Largest mean square of a state that is carried over. Beyond it a state is reset, so that the
        growth is limited to one batch's steps, which the penalty can undo.
    save_every : int
        Updates between writings of the file to continue from.
    """

    max_skipped: int = 20
    max_hidden: float = 1e18
    max_carried: float = 100.0
    save_every: int = 50


LIMITS = TrainingLimits()


class Trained(NamedTuple):
    """A network after its training.

    Attributes
    ----------
    network : NoiseDriven
        With the weights of the last update.
    history : DataFrame
        One row per logged update, columns :data:`HISTORY`.
    checkpoints : Checkpoints
        Weights along the training, the first before any update.
    diverged : bool
        Whether the training stopped early because gradients were not finite.
    """

    network: NoiseDriven
    history: pd.DataFrame
    checkpoints: Checkpoints
    diverged: bool


def initialise(settings: EmulationNetwork, n_symbols: int, seed: int) -> NoiseDriven:
    """Return a network with initial weights; torch's global random state is unchanged.

    Parameters
    ----------
    settings : EmulationNetwork
    n_symbols : int
    seed : int

    Returns
    -------
    NoiseDriven
        On the CPU.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        network = NoiseDriven(
            settings.cell,
            settings.n_noise,
            settings.n_units,
            n_symbols,
            bias=settings.bias,
            leak=settings.leak,
        )
    if settings.radius is not None:
        with torch.no_grad():
            weight = network.recurrent.weight
            weight *= settings.radius / torch.linalg.eigvals(weight).abs().max()
    return network


def target_batch(hmm: HMMParameters, n_sequences: int, n_steps: int, *names: Any) -> Tensor:
    """Sample sequences of the target.

    Parameters
    ----------
    hmm : HMMParameters
        The target.
    n_sequences, n_steps : int
    *names : object
        Give the seed, see :func:`hmmlens.seeds.derive_seed`.

    Returns
    -------
    Tensor of shape (sequence, time, symbol)
        One-hot.
    """
    rng = np.random.default_rng(derive_seed(*names))
    symbols = sample_hmm(hmm, n_sequences, n_steps, rng)[0]
    return one_hot(torch.from_numpy(symbols), hmm.emissionprob.shape[1]).float()


def train(
    settings: Emulation,
    network_settings: EmulationNetwork,
    hmm: HMMParameters,
    seed: int,
    checkpoint: Path | None = None,
    device: torch.device | str = "cpu",
    limits: TrainingLimits = LIMITS,
) -> Trained:
    """Train a network on a target.

    Parameters
    ----------
    settings : Emulation
    network_settings : EmulationNetwork
    hmm : HMMParameters
        The target.
    seed : int
        Seed of weights, sequences and noise.
    checkpoint : Path, optional
        A file to continue from and to write every ``limits.save_every`` updates; one that was made
        with other settings is ignored. The caller removes it when the weights are stored.
    device : torch.device or str
        Where the training runs.
    limits : TrainingLimits

    Returns
    -------
    Trained
        The network with its history and checkpoints.

    Raises
    ------
    DataError
        When states are carried over but the target does not start in its stationary distribution,
        so that later segments of its sequences are distributed differently from the first.

    Examples
    --------
    >>> from hmmlens.datasets.synthetic.generators import preset_hmm
    >>> settings = Emulation(n_steps=5, n_updates=2, batch_size=8, n_data=16)
    >>> small = EmulationNetwork(cell="tanh", n_units=6, n_noise=4)
    >>> trained = train(settings, small, preset_hmm("chain2"), seed=0)
    >>> len(trained.history), trained.diverged
    (2, False)
    """
    stationary = np.allclose(hmm.startprob @ hmm.transmat, hmm.startprob, atol=1e-6)
    if settings.carried and not stationary:
        raise DataError(
            "carried states need a target whose startprob is its stationary distribution"
        )
    network = initialise(network_settings, hmm.emissionprob.shape[1], seed).to(device)
    run = _Run(settings, network, hmm, seed, torch.device(device), limits)
    signature = _signature(settings, network_settings, hmm, seed)
    run.resume(checkpoint, signature)
    began = time.perf_counter() - run.seconds
    while run.update < settings.n_updates and run.in_a_row < limits.max_skipped:
        run.step()
        run.seconds = time.perf_counter() - began
        run.record()
        if checkpoint is not None and run.update % limits.save_every == 0:
            run.save(checkpoint, signature)
    diverged = run.in_a_row >= limits.max_skipped
    if diverged:
        log.warning("stopped after update %d: %d without a finite gradient", run.update,
                    run.in_a_row)  # fmt: skip
    history = pd.DataFrame(run.history, columns=HISTORY).astype({"update": int, "skipped": int})
    return Trained(network, history, Checkpoints.stacked(run.kept), diverged)


class _Run:
    """The state of a training, which is all that it needs to continue."""

    def __init__(
        self,
        settings: Emulation,
        network: NoiseDriven,
        hmm: HMMParameters,
        seed: int,
        device: torch.device,
        limits: TrainingLimits,
    ) -> None:
        self.limits = limits
        self.settings, self.network, self.hmm, self.seed = settings, network, hmm, seed
        self.device, self.generator = device, torch.Generator(device)
        self.objective = OBJECTIVES[settings.objective]
        self.optimiser = Adam(network.parameters(), settings.learning_rate, settings.betas)
        self.data: list[Tensor] = []
        if settings.n_data is not None:
            whole = target_batch(hmm, settings.n_data, settings.n_steps, seed, "data").to(device)
            # In order and never shuffled, as in Torre et al. 2025.
            self.data = [part for part in whole.split(settings.batch_size) if len(part) > 1]
        zero = network.start(settings.batch_size)
        self.state = tuple(tuple(part.detach().clone() for part in entry) for entry in zero)
        self.update = self.skipped = self.in_a_row = 0
        self.seconds = 0.0
        self.row: list[float] = []
        self.history: list[list[float]] = []
        self.kept: list[tuple[int, dict[str, Tensor]]] = []
        self.keep()

    def target(self) -> Tensor:
        if self.data:
            return self.data[self.update % len(self.data)]
        size = (self.settings.batch_size, self.settings.n_steps)
        return target_batch(self.hmm, *size, self.seed, "data", self.update).to(self.device)

    def start(self, n: int) -> State:
        """Return the initial states of a batch: some are carried over, the others are zero."""
        s = self.settings
        row = torch.arange(n, device=self.device)
        # Rows are reset in turn, so that all ages occur at any time.
        kept = (row + self.update) % max(1, -(-s.max_age // s.n_steps)) != 0
        bounded = self.state[0][0][:n].square().mean(1) < self.limits.max_carried
        on = ((row < s.carried * n) & kept & bounded)[:, None]
        return tuple(tuple(part[:n] * on for part in entry) for entry in self.state)

    def rate(self) -> float:
        passed = sum(self.update >= share * self.settings.n_updates for share in
                     self.settings.rate_drops)  # fmt: skip
        return float(self.settings.learning_rate * self.settings.rate_factor**passed)

    def step(self) -> None:
        s, target = self.settings, self.target()
        self.generator.manual_seed(derive_seed(self.seed, "update", self.update))
        shape = (len(target), s.n_steps, self.network.n_noise)
        noise = torch.randn(shape, generator=self.generator, device=self.device)
        hidden, state = self.network.run(noise, self.start(len(target)))
        largest = hidden.detach().abs().amax()
        loss = penalty = norm = torch.full_like(largest, torch.nan)
        # There is nothing to compare for a state beyond the range of numbers.
        if bool(largest < self.limits.max_hidden):
            emitted = emit(self.network.out(hidden), self.generator)
            loss = self.objective(emitted, target)
            penalty = s.activity_penalty * (hidden.square().mean((1, 2)) - 1).relu().mean()
            self.optimiser.zero_grad()
            (loss + penalty).backward()
            norm = nn.utils.clip_grad_norm_(self.network.parameters(), s.clip_norm)
        rate = self.rate()
        if bool(norm.isfinite()):
            self.optimiser.learning_rate = rate
            self.optimiser.step()
            self.in_a_row = 0
        else:
            self.skipped, self.in_a_row = self.skipped + 1, self.in_a_row + 1
        for entry, after in zip(self.state, state, strict=True):
            for whole, part in zip(entry, after, strict=True):
                whole[: len(part)] = torch.nan_to_num(part.detach(), 0.0, 0.0, 0.0)
        self.update += 1
        self.row = [*(v.item() for v in (loss, penalty, norm, largest)), rate, self.skipped]

    def record(self) -> None:
        last = self.update == self.settings.n_updates or self.in_a_row >= self.limits.max_skipped
        if last or self.update % self.settings.log_every == 0:
            self.history.append([self.update, *self.row, self.seconds])
        first_epoch = self.update == len(self.data)
        if last or first_epoch or self.update % self.settings.checkpoint_every == 0:
            self.keep()
        if self.update % 100 == 0 or last:
            log.info("update %d: loss %.4g, largest |hidden| %.3g", self.update, self.row[0],
                     self.row[3])  # fmt: skip

    def keep(self) -> None:
        weights = {k: v.detach().cpu().clone() for k, v in self.network.state_dict().items()}
        self.kept.append((self.update, weights))

    def save(self, path: Path, signature: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        content = {
            "signature": signature,
            "weights": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "state": self.state,
            "counts": [self.update, self.skipped, self.in_a_row],
            "seconds": self.seconds,
            "history": self.history,
            "kept": self.kept,
        }
        torch.save(content, partial)
        partial.replace(path)

    def resume(self, path: Path | None, signature: str) -> None:
        if path is None or not path.exists():
            return
        try:
            content: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        except (pickle.UnpicklingError, EOFError, OSError, RuntimeError):
            log.warning("%s cannot be read and is ignored", path)
            return
        if content["signature"] != signature:
            log.info("%s was made with other settings and is ignored", path)
            return
        self.network.load_state_dict(content["weights"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.state, self.seconds = content["state"], content["seconds"]
        self.update, self.skipped, self.in_a_row = content["counts"]
        self.history, self.kept = content["history"], content["kept"]
        log.info("continuing after update %d from %s", self.update, path)


def _signature(
    settings: Emulation, network: EmulationNetwork, hmm: HMMParameters, seed: int
) -> str:
    digest = hashlib.sha256(f"{settings!r} {network!r} {seed}".encode())
    for part in hmm:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
