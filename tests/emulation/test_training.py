"""Training: killed runs, the history, carried states, drops of the rate and penalties."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from hmmlens.datasets.synthetic.generators import check_hmm, preset_hmm
from hmmlens.emulation import checkpoints, training
from hmmlens.emulation.analysis.plateau.detection import levels
from hmmlens.emulation.objectives import OBJECTIVES
from hmmlens.emulation.settings import Emulation, EmulationNetwork
from hmmlens.emulation.training import HISTORY, Trained, TrainingLimits, initialise, train
from hmmlens.errors import DataError, StoreError

NETWORK = EmulationNetwork(n_units=8, n_noise=4)
TARGET = preset_hmm("chain2")


def settings_of(**change: Any) -> Emulation:
    base: dict[str, Any] = {"n_steps": 8, "n_updates": 10, "batch_size": 16, "n_data": 40}
    return Emulation(**(base | {"checkpoint_every": 4} | change))


STABLE = {"carried": 0.6, "max_age": 24, "activity_penalty": 1.0, "rate_drops": [0.5, 0.8]}


class KilledError(Exception):
    """The job was killed."""


def kill_before(monkeypatch: pytest.MonkeyPatch, update: int) -> None:
    whole = training._Run.step

    def step(run: training._Run) -> None:
        if run.update == update:
            raise KilledError
        whole(run)

    monkeypatch.setattr(training._Run, "step", step)


def same(one: Trained, two: Trained) -> bool:
    """Return whether weights, checkpoints and history but for seconds agree to the last bit."""
    weights = zip(one.network.state_dict().values(), two.network.state_dict().values(), strict=True)
    first, second = one.checkpoints, two.checkpoints
    numbers = (t.history.drop(columns="seconds").to_csv() for t in (one, two))
    return (
        all(torch.equal(a, b) for a, b in weights)
        and torch.equal(first.updates, second.updates)
        and all(map(torch.equal, first.weights.values(), second.weights.values()))
        and len(set(numbers)) == 1
    )


@pytest.mark.parametrize("cell", ["relu", "lstm"])
@pytest.mark.parametrize(
    "change", [{}, {"n_data": None, "objective": "split", **STABLE}], ids=["paper", "stable"]
)
def test_killed_run_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str, change: dict[str, Any]
) -> None:
    settings, network = settings_of(**change), NETWORK.model_copy(update={"cell": cell})
    whole = train(settings, network, TARGET, 3)
    often = TrainingLimits(save_every=3)
    path = tmp_path / "folder" / "checkpoint.pt"
    for update in (2, 7):
        with monkeypatch.context() as patch:
            kill_before(patch, update)
            with pytest.raises(KilledError):
                train(settings, network, TARGET, 3, path, limits=often)
        assert path.exists() == (update > 3)
    began: list[int] = []
    step = training._Run.step
    monkeypatch.setattr(training._Run, "step", lambda run: began.append(run.update) or step(run))
    again = train(settings, network, TARGET, 3, path, limits=often)
    assert began == list(range(6, 10))
    assert same(again, whole) and not same(train(settings, network, TARGET, 4), whole)
    assert again.history["seconds"].is_monotonic_increasing
    assert not list(path.parent.glob("*.partial"))


def test_checkpoint_of_another_run_or_a_broken_one_is_ignored(tmp_path: Path) -> None:
    limits = TrainingLimits(save_every=5)
    path, whole = tmp_path / "c.pt", train(settings_of(), NETWORK, TARGET, 0)
    train(settings_of(learning_rate=0.01), NETWORK, TARGET, 0, path, limits=limits)
    assert same(train(settings_of(), NETWORK, TARGET, 0, path, limits=limits), whole)
    path.write_bytes(path.read_bytes()[:1000])
    assert same(train(settings_of(), NETWORK, TARGET, 0, path, limits=limits), whole)


def test_global_random_state_is_unchanged() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = train(settings_of(n_updates=2), NETWORK, TARGET, 0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert same(train(settings_of(n_updates=2), NETWORK, TARGET, 0), first)


@pytest.mark.parametrize(("n_data", "n"), [(32, 2), (33, 2), (34, 3), (16, 1), (None, None)])
def test_epoch_is_as_many_updates_as_there_are_batches(n_data: int | None, n: int | None) -> None:
    settings = settings_of(n_data=n_data, n_updates=3, checkpoint_every=100)
    assert settings.epoch == n
    kept = train(settings, NETWORK, TARGET, 0).checkpoints.updates.tolist()
    assert kept == sorted({0, 3} | ({n} - {None}))


def test_history_and_checkpoints_are_of_the_updates(tmp_path: Path) -> None:
    trained = train(settings_of(log_every=3), NETWORK, TARGET, 1)
    assert list(trained.history) == HISTORY and not trained.diverged
    assert trained.history["update"].tolist() == [3, 6, 9, 10]
    # 40 sequences are three batches, the last of 8, so that the first epoch ends at update 3.
    assert settings_of().epoch == 3
    assert trained.checkpoints.updates.tolist() == [0, 3, 4, 8, 10]
    checkpoints.save(trained.checkpoints, tmp_path / "c.safetensors")
    read = checkpoints.load(tmp_path / "c.safetensors")
    assert read.updates.tolist() == [0, 3, 4, 8, 10]
    kept = dict(read.items())
    first = initialise(NETWORK, 3, 1).state_dict()
    for name, value in trained.network.state_dict().items():
        assert torch.equal(kept[10][name], value) and torch.equal(kept[0][name], first[name])
        assert not torch.equal(kept[4][name], kept[8][name])
    (tmp_path / "c.safetensors").write_bytes(b"nothing")
    with pytest.raises(StoreError, match="cannot be read"):
        checkpoints.load(tmp_path / "c.safetensors")


def test_data_are_used_in_turn_and_new_ones_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def objective(emitted: Tensor, target: Tensor) -> Tensor:
        seen.append(target)
        return (emitted - target).square().mean()

    monkeypatch.setitem(OBJECTIVES, "sinkhorn", objective)
    train(settings_of(n_updates=6), NETWORK, TARGET, 0)
    assert [len(part) for part in seen] == [16, 16, 8] * 2
    assert all(torch.equal(a, b) for a, b in zip(seen[:3], seen[3:], strict=True))
    seen.clear()
    train(settings_of(n_updates=3, n_data=None), NETWORK, TARGET, 0)
    assert [len(part) for part in seen] == [16] * 3
    assert not any(torch.equal(seen[i], seen[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_states_are_carried_over_and_start_anew_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[Tensor] = []
    ends: list[Tensor] = []
    run = training.NoiseDriven.run

    def watched(network: Any, noise: Tensor, state: Any = None) -> Any:
        starts.append(state[0][0].clone())
        hidden, after = run(network, noise, state)
        ends.append(after[0][0].detach().clone())
        return hidden, after

    monkeypatch.setattr(training.NoiseDriven, "run", watched)
    # Ages of 8 and 16 steps go on, 24 is the end.
    train(settings_of(n_data=None, carried=0.5, max_age=24, n_updates=7), NETWORK, TARGET, 0)
    carried = torch.stack([(s != 0).any(1) for s in starts])
    assert not carried[0].any() and not carried[:, 8:].any()
    assert carried[1:, :8].float().mean() == pytest.approx(2 / 3, abs=0.1)
    ages = torch.zeros(16)
    for u in range(1, 7):
        assert torch.equal(starts[u][carried[u]], ends[u - 1][carried[u]])
        ages = torch.where(carried[u], ages + 8, torch.zeros(16))
    assert ages.max() == 16
    starts.clear()
    train(settings_of(), NETWORK, TARGET, 0)
    assert all((s == 0).all() for s in starts)


def test_a_state_that_ran_away_starts_anew() -> None:
    settings = settings_of(n_data=None, carried=1.0, max_age=80)
    run = training._Run(
        settings, initialise(NETWORK, 3, 0), TARGET, 0, torch.device("cpu"), training.LIMITS
    )
    run.state[0][0].fill_(0.5)
    run.state[0][0][3] = 20.0
    start = run.start(16)[0][0]
    # Rows 0 and 10 are those whose turn to start anew has come.
    assert set((start == 0).all(1).nonzero().flatten().tolist()) == {0, 3, 10}


def test_rate_drops_at_shares_of_the_updates() -> None:
    trained = train(settings_of(rate_drops=[0.5, 0.8], rate_factor=0.1), NETWORK, TARGET, 0)
    np.testing.assert_allclose(
        trained.history["rate"], [1e-3] * 5 + [1e-4] * 3 + [1e-5] * 2, rtol=1e-9
    )


def test_penalty_is_on_activity_above_one() -> None:
    penalised = settings_of(activity_penalty=2.0, n_updates=1)
    quiet = train(penalised, NETWORK, TARGET, 0).history
    assert quiet["penalty"][0] == 0 and quiet["max_hidden"][0] < 3
    loud = EmulationNetwork(n_units=8, n_noise=400)
    assert train(penalised, loud, TARGET, 0).history["penalty"][0] > 1
    assert train(settings_of(n_updates=1), loud, TARGET, 0).history["penalty"][0] == 0


def test_diverging_states_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def wild(*args: Any) -> training.NoiseDriven:
        network = initialise(*args)
        with torch.no_grad():
            network.recurrent.weight.fill_(1e6)
        return network

    with monkeypatch.context() as patch:
        patch.setattr(training, "initialise", wild)
        trained = train(
            settings_of(n_steps=20, activity_penalty=1.0), NETWORK, TARGET, 0,
            limits=TrainingLimits(max_skipped=4),
        )  # fmt: skip
    assert trained.diverged
    last = trained.history.iloc[-1]
    assert (last["update"], last["skipped"]) == (4, 4) and not np.isfinite(last["max_hidden"])
    assert trained.checkpoints.updates.tolist() == [0, 3, 4]
    weights = trained.checkpoints.weights["recurrent.weight"]
    assert torch.equal(weights[0], weights[1])


@pytest.mark.study
def test_training_gets_beyond_the_frequencies_of_symbols() -> None:
    """Nearer to the target than symbols of its frequencies that follow each other by chance."""
    settings = settings_of(
        objective="split",
        n_steps=12,
        n_updates=200,
        batch_size=128,
        n_data=None,
        learning_rate=3e-3,
    )
    trained = train(settings, EmulationNetwork(n_units=32, n_noise=16), TARGET, 0)
    rng = np.random.default_rng(0)
    level, floor = levels(TARGET, 128, 12, OBJECTIVES["split"], rng)
    losses = trained.history["loss"]
    assert losses[:5].mean() > level.value
    assert losses[-40:].mean() < (level.value + floor.value) / 2


def test_carried_states_need_a_stationary_target() -> None:
    moving = check_hmm([1.0, 0.0], [[0.9, 0.1], [0.1, 0.9]], np.eye(2))
    train(settings_of(n_updates=1), NETWORK, moving, 0)
    with pytest.raises(DataError, match="stationary"):
        train(settings_of(carried=0.5), NETWORK, moving, 0)


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValidationError, match="betas"):
        Emulation(betas=(0.9, 1.0))
    with pytest.raises(ValidationError, match="leak"):
        EmulationNetwork(cell="gru", leak=0.5)
    assert Emulation(betas=[0.8, 0.9]).betas == (0.8, 0.9)


def test_initial_recurrent_weights_have_the_spectral_radius_asked_for() -> None:
    drawn = initialise(NETWORK, 3, 1)
    scaled = initialise(NETWORK.model_copy(update={"radius": 1.3}), 3, 1)
    for name, weight in drawn.state_dict().items():
        other = scaled.state_dict()[name]
        if name == "recurrent.weight":
            assert np.abs(np.linalg.eigvals(other.numpy())).max() == pytest.approx(1.3, rel=1e-5)
            np.testing.assert_allclose(other / other[0, 0], weight / weight[0, 0], rtol=1e-5)
        else:
            assert torch.equal(other, weight)
    with pytest.raises(ValidationError, match="radius"):
        EmulationNetwork(cell="lstm", radius=1.0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_training_on_a_gpu() -> None:
    trained = train(settings_of(**STABLE), NETWORK, TARGET, 0, device="cuda")
    assert next(trained.network.parameters()).is_cuda
    assert not trained.checkpoints.weights["out.weight"].is_cuda
