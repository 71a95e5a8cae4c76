"""Next-step training: early stopping on the select split, checkpoints, resume.

A run that is killed and started again ends with the same weights as one that ran through: the
order of batches depends on the seed and the epoch alone.
"""

from __future__ import annotations

import hashlib
import logging
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from hmmlens.ragged import without_padding
from hmmlens.rnn import sequence_gradients
from hmmlens.rnn.adam import Adam
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.rnn.settings import Training

log = logging.getLogger(__name__)

SPLITS = ("train", "select", "test")

#: Columns of a training curve.
CURVE = ["epoch", "train_nll", "select_nll", "select_mse"]


class Sequences(NamedTuple):
    """Sequences of one split on the training device.

    Attributes
    ----------
    inputs : Tensor of shape (sequence, time) or (sequence, time, feature)
        Symbols or values.
    target : Tensor of shape (sequence, time) or (sequence, time, output)
        Symbols, -1 where there is none, or values, NaN where there is none.
    """

    inputs: Tensor
    target: Tensor


class Losses(NamedTuple):
    """Mean scores per step of one pass over a split.

    Attributes
    ----------
    nll : float
        Negative log-likelihood in nats per step and, for values, summed over the output features.
    mse : float
        Mean squared error per output feature; NaN for symbols.
    """

    nll: float
    mse: float


def by_split(data: xr.Dataset, device: torch.device) -> dict[str, Sequences]:
    """Return the sequences of each split of a dataset.

    Steps past a sequence's end have no target, so they count in no loss.

    Parameters
    ----------
    data : Dataset
        The ``sequences`` store.
    device : torch.device
        Where the sequences are put.

    Returns
    -------
    dict of str to Sequences
        ``train``, ``select`` and ``test``.
    """
    data = without_padding(data)
    split = data["split"].to_numpy()
    inputs, target = (torch.from_numpy(data[name].to_numpy()) for name in ("input", "target"))
    return {
        name: Sequences(*(a[torch.from_numpy(split == part)].to(device) for a in (inputs, target)))
        for part, name in enumerate(SPLITS)
    }


def fingerprint(data: xr.Dataset) -> str:
    """Return a hash of the data of a training, which decides whether a checkpoint still fits.

    Parameters
    ----------
    data : Dataset
        The ``sequences`` store.

    Returns
    -------
    str
        A hexadecimal SHA-256.
    """
    digest = hashlib.sha256()
    data = without_padding(data)
    for name in ("input", "target", "length", "split"):
        digest.update(np.ascontiguousarray(data[name].to_numpy()).tobytes())
    return digest.hexdigest()


def losses(network: RecurrentNetwork, batch: Sequences) -> tuple[Tensor, Tensor, Tensor]:
    """Return the summed losses of a network on a batch.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    batch : Sequences
        The batch.

    Returns
    -------
    nll, squared, count : Tensor of shape ()
        Negative log-likelihood, squared error and number of steps, each summed.
    """
    return scores(network(batch.inputs), batch.target, network.log_variance)


def scores(
    output: Tensor, target: Tensor, log_variance: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the summed losses of an output.

    Parameters
    ----------
    output : Tensor of shape (sequence, time, output)
        Logits, or means.
    target : Tensor of shape (sequence, time) or (sequence, time, output)
        Symbols, or values.
    log_variance : Tensor of shape (output,) or None
        Of values; None where the network has none, and so no likelihood.

    Returns
    -------
    nll, squared, count : Tensor of shape ()
        Negative log-likelihood, squared error and number of steps, each summed.
    """
    if not target.is_floating_point():
        known = target >= 0
        nll = nn.functional.cross_entropy(output[known], target[known].long(), reduction="sum")
        return nll, torch.full_like(nll, math.nan), known.sum()
    known = torch.isfinite(target).all(dim=-1)
    error = (output[known] - target[known]) ** 2
    squared = error.sum() / output.shape[-1]
    if log_variance is None:
        return torch.full_like(squared, math.nan), squared, known.sum()
    nll = 0.5 * (error * torch.exp(-log_variance) + log_variance).sum()
    return nll + 0.5 * math.log(2 * math.pi) * error.numel(), squared, known.sum()


@torch.no_grad()
def evaluate(network: RecurrentNetwork, data: Sequences, batch_size: int = 256) -> Losses:
    """Return the losses of a network on all sequences of a split.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    data : Sequences
        The split.
    batch_size : int, default=256
        Sequences that run at once.

    Returns
    -------
    Losses
        Means over the steps.
    """
    totals = np.zeros(3)
    for start in range(0, len(data.inputs), batch_size):
        part = Sequences(*(a[start : start + batch_size] for a in data))
        totals += [float(value) for value in losses(network, part)]
    # Plain numbers: a checkpoint that holds NumPy's cannot be loaded as weights only.
    return Losses(float(totals[0] / totals[2]), float(totals[1] / totals[2]))


def score_splits(output: NDArray[np.floating], data: xr.Dataset) -> pd.DataFrame:
    """Return the scores of a recorded output, by :func:`scores`.

    Parameters
    ----------
    output : ndarray of shape (sequence, time, output)
        What the network returned.
    data : Dataset
        ``target``, ``split`` and ``length``; steps past an end count in no score.

    Returns
    -------
    DataFrame
        One row for each split: ``split, nll, mse``.
    """
    split, target = data["split"].to_numpy(), without_padding(data)["target"].to_numpy()
    rows = []
    for part, name in enumerate(SPLITS):
        outputs, wanted = (torch.from_numpy(a[split == part]) for a in (output, target))
        nll, squared, count = (float(value) for value in scores(outputs, wanted, None))
        rows.append({"split": name, "nll": nll / count, "mse": squared / count})
    return pd.DataFrame(rows)


def _batches(n: int, size: int, seed: int, epoch: int) -> Iterator[Tensor]:
    order = np.random.default_rng([seed, epoch]).permutation(n)
    for start in range(0, n, size):
        yield torch.from_numpy(order[start : start + size])


def train(
    network: RecurrentNetwork,
    data: dict[str, Sequences],
    settings: Training,
    seed: int,
    checkpoint: Path | None = None,
    signature: str = "",
) -> list[dict[str, float]]:
    """Train a network in place, and leave it with the weights of its best epoch.

    Parameters
    ----------
    network : RecurrentNetwork
        It is changed in place.
    data : dict of str to Sequences
        ``train`` and ``select``.
    settings : Training
        Epochs, batches and step size.
    seed : int
        Seed of the order of the batches.
    checkpoint : Path, optional
        A file to continue from and to write every few epochs; removed at the end by the caller,
        when the weights are safe.
    signature : str, optional
        What the checkpoint must have been made with; another one is ignored.

    Returns
    -------
    list of dict
        One row per epoch: ``epoch``, ``train_nll``, ``select_nll``, ``select_mse``.

    Examples
    --------
    >>> from hmmlens.rnn.recurrent_network import initialise
    >>> network = initialise(
    ...     0, cell="gru", n_inputs=2, n_outputs=2, n_units=4, symbols_in=True, symbols_out=True
    ... )
    >>> symbols = torch.tensor([[0, 1] * 10] * 8)
    >>> data = {part: Sequences(symbols[:, :-1], symbols[:, 1:]) for part in ("train", "select")}
    >>> history = train(network, data, Training(max_epochs=3), seed=0)
    >>> [row["epoch"] for row in history]
    [0, 1, 2]
    """
    optimiser = Adam(network.parameters(), settings.learning_rate)
    history: list[dict[str, float]] = []
    best: dict[str, Any] = {"nll": math.inf, "epoch": -1, "weights": None}
    resumed = _resume(checkpoint, signature, next(network.parameters()).device)
    if resumed is not None:
        network.load_state_dict(resumed["weights"])
        optimiser.load_state_dict(resumed["optimiser"])
        history, best = resumed["history"], resumed["best"]
        log.info("continuing after epoch %d from %s", len(history) - 1, checkpoint)
    # A checkpoint may have been written just after training had stopped.
    while len(history) < settings.max_epochs and not _stalled(history, best, settings):
        epoch = len(history)
        total, count = 0.0, 0
        for index in _batches(len(data["train"].inputs), settings.batch_size, seed, epoch):
            inputs, target = (a[index] for a in data["train"])
            found = sequence_gradients.output(network, inputs)
            nll, _, n = scores(found, target, network.log_variance)
            optimiser.zero_grad()
            (nll / n).backward()
            nn.utils.clip_grad_norm_(network.parameters(), settings.clip_norm)
            optimiser.step()
            total, count = total + float(nll.detach()), count + int(n)
        select = evaluate(network, data["select"])
        history.append(
            {
                "epoch": epoch,
                "train_nll": total / count,
                "select_nll": select.nll,
                "select_mse": select.mse,
            }
        )
        if not math.isfinite(select.nll):
            log.warning("epoch %d: the loss is not finite; training stops here", epoch)
            break
        if select.nll < best["nll"]:
            weights = {k: v.detach().clone() for k, v in network.state_dict().items()}
            best = {"nll": select.nll, "epoch": epoch, "weights": weights}
        log.info("epoch %d: train %.4f, select %.4f nats", epoch, total / count, select.nll)
        if checkpoint is not None and len(history) % settings.checkpoint_every == 0:
            _save(checkpoint, network, optimiser, history, best, signature)
    if best["weights"] is not None:
        network.load_state_dict(best["weights"])
    log.info("best epoch %s of %d: select %.4f nats", best["epoch"], len(history), best["nll"])
    return history


def _stalled(history: list[dict[str, float]], best: dict[str, Any], settings: Training) -> bool:
    return len(history) - 1 - int(best["epoch"]) >= settings.patience


def _save(
    path: Path,
    network: RecurrentNetwork,
    optimiser: Adam,
    history: list[dict[str, float]],
    best: dict[str, Any],
    signature: str,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    content = {
        "signature": signature,
        "weights": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "history": history,
        "best": best,
    }
    torch.save(content, partial)
    partial.replace(path)


def _resume(path: Path | None, signature: str, device: torch.device) -> dict[str, Any] | None:
    if path is None or not path.exists():
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, EOFError, OSError, RuntimeError):
        log.warning("%s cannot be read and is ignored", path)
        return None
    if content["signature"] != signature:
        log.info("%s was made with other settings and is ignored", path)
        return None
    return content
