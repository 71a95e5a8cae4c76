"""Input events, against inputs whose events are known by construction."""

from itertools import product

import numpy as np
import pytest

from hmmlens.interpretation.input_events import ANY, NOTHING, input_events, of_store

MINUS = "\N{MINUS SIGN}"


def _codes(events, wanted):
    """Return the event of each step by its name."""
    return [[events.names[k] if k >= 0 else None for k in row] for row in events.event] == wanted


def test_symbols_are_events_and_padding_is_none():
    symbols = np.array([[0, 2, 1], [0, 1, 1]])
    events = input_events(symbols, np.array([3, 2]), ["a", "b", "c"])
    assert _codes(events, [["a", "c", "b"], ["a", "b", None]])
    assert events.neutral is None and events.informative and not events.averaged


@pytest.mark.parametrize(("share", "wanted"), [(0.5, None), (0.8, 1)])
def test_a_symbol_is_neutral_only_where_it_dominates(share, wanted):
    symbols = (np.random.default_rng(0).random((40, 50)) < share).astype(int)
    events = input_events(symbols)
    assert events.neutral == wanted
    assert events.condition == ("" if wanted is None else "the input is symbol 2")


def test_a_single_input_is_named_by_its_values_and_zero_is_neutral():
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, size=(30, 40, 1)).astype(np.float32)
    events = input_events(bits, names=["bit"])
    assert events.names == ("0", "1") and events.neutral == 0
    np.testing.assert_array_equal(events.event, bits[..., 0])


def test_names_undo_standardisation():
    bits = np.random.default_rng(2).integers(0, 2, size=(30, 40, 1)).astype(float)
    offset, scale = np.array([3.0]), np.array([2.0])
    events = input_events((bits - offset) / scale, offset=offset, scale=scale, units=["mV"])
    assert events.names == ("0 mV", "1 mV") and events.neutral == 0
    # Where the mean is not known, standardised values have no unit and no zero.
    assert "mV" not in input_events((bits - 3) / 2, scale=scale, units=["mV"]).names[0]


def test_pulses_of_three_inputs_are_combined_of_their_single_events():
    rng = np.random.default_rng(3)
    pulses = rng.choice([-1.0, 0.0, 1.0], size=(200, 50, 3), p=[0.1, 0.8, 0.1])
    events = input_events(pulses, names=["a", "b", "c"])
    assert events.names[:7] == (
        NOTHING, f"a={MINUS}1", "a=+1", f"b={MINUS}1", "b=+1", f"c={MINUS}1", "c=+1"
    )  # fmt: skip
    assert len(events.names) == 27 and events.neutral == 0
    assert events.condition == "a, b and c are 0"
    single = {name: k for k, name in enumerate(events.names)}
    for values in product((-1, 0, 1), repeat=3):
        rows = (pulses == values).all(axis=2)
        own = [
            f"{c}={MINUS}1" if v < 0 else f"{c}=+1" for c, v in zip("abc", values, strict=True) if v
        ]
        assert set(events.event[rows]) == {single[" and ".join(own) or NOTHING]}
        wanted = tuple(single[name] for name in own) if len(own) > 1 else ()
        assert events.parts[events.event[rows][0]] == wanted
    count = np.bincount(events.event.ravel())[7:]
    assert (np.diff(count) <= 0).all()


def test_inputs_that_are_on_or_off_are_named_without_a_value():
    on = np.eye(3)[np.random.default_rng(4).integers(0, 3, size=(20, 30))]
    events = input_events(on, names=["red", "green", "blue"])
    assert events.names == ("red", "green", "blue") and events.neutral is None
    assert events.parts == ((), (), ())


def test_a_mostly_neutral_input_of_many_values_is_below_or_above():
    rng = np.random.default_rng(5)
    pushes = np.where(rng.random((50, 60)) < 0.2, rng.normal(size=(50, 60)), 0.0)
    events = input_events(pushes[..., None], names=["push"])
    assert events.names == ("push<0", "push=0", "push>0") and events.neutral == 1
    np.testing.assert_array_equal(events.event - 1, np.sign(pushes))


def test_continuous_inputs_are_averaged_over():
    rng = np.random.default_rng(6)
    noise = rng.normal(size=(50, 60, 1))
    events = input_events(noise, names=["speed"])
    assert events.names == (ANY,) and events.averaged == ("speed",) and not events.informative
    reset = (rng.random((50, 60, 1)) < 0.1).astype(float)
    both = input_events(np.concatenate([noise, reset], axis=2), names=["speed", "reset"])
    assert both.names == ("reset=0", "reset") and both.averaged == ("speed",)
    assert both.condition == "reset is 0" and not events.condition
    two = np.concatenate([noise, reset, 2 - np.roll(reset, 7, axis=1)], axis=2)
    named = input_events(two, names=["speed", "reset", "gate"], units=["m/s", "", "V"])
    # The speed varies at the neutral event, which is not called nothing.
    condition = "reset is 0 and gate is 2 V"
    assert named.names[0] == named.condition == condition and named.neutral == 0
    assert NOTHING not in named.names
    np.testing.assert_array_equal(named.event == 0, (two[..., 1:] == [0, 2]).all(axis=2))
    np.testing.assert_array_equal(both.event, reset[..., 0])


def test_constant_inputs_have_one_event():
    events = input_events(np.ones((4, 5, 2)), np.array([5, 5, 5, 2]))
    assert events.names == (ANY,) and not events.averaged
    assert (events.event[3] == [0, 0, -1, -1, -1]).all()


def test_inputs_that_only_change_together_are_one_event():
    both = (np.random.default_rng(7).random((40, 50)) < 0.1).astype(float)
    events = input_events(np.stack([both, 2 * both], axis=2), names=["start", "size"])
    assert events.names == (NOTHING, "start and size=2") and events.parts == ((), ())


def test_the_rarest_of_many_combinations_are_one_event():
    bits = (np.random.default_rng(8).random((200, 50, 12)) < 0.3).astype(float)
    events = input_events(bits)
    assert events.condition == "input 1, input 2, input 3 and 9 more inputs are 0"
    assert len(events.names) == 512 and events.names[-1] == "several inputs at once"
    assert events.event.max() == 511 and events.parts[-1] == ()


def test_events_of_a_store_use_its_names():
    pulses = np.zeros((2, 6, 2))
    pulses[:, ::3, 1] = 1.0
    about = {"feature_names": ["left", "right"], "offset": [0.0, 0.0], "scale": [1.0, 1.0]}
    assert of_store(about, pulses).names == ("0", "1")
    about = {"feature_names": ["x", "y", "z"]}
    assert of_store(about, np.array([[0, 1, 2]])).names == ("x", "y", "z")
