"""Recognisers of languages: Tomita grammars with a reset, brackets, a stack, patterns, a lexer."""

from __future__ import annotations

from hmmlens.datasets.synthetic import automata
from hmmlens.datasets.synthetic.tasks.base import task
from hmmlens.datasets.synthetic.tasks.mealy import Step, machine


def _recogniser(grammar: int) -> Step:
    """Return the step of a Tomita grammar, which symbol 2 begins anew."""
    automaton = automata.tomita(grammar)

    def step(state: int, symbol: int) -> tuple[int, int]:
        after = 0 if symbol == 2 else int(automaton.moves[state, symbol])
        return after, int(automaton.accepts[after])

    return step


task(
    "tomita5",
    "discrete",
    "fixing",
    "Whether the numbers of zeros and of ones since the last reset are both even.",
    n_states=4,
    n_symbols=3,
    n_targets=2,
)(machine(0, (0.4, 0.4, 0.2))(_recogniser(5)))

task(
    "tomita2_reset",
    "discrete",
    "fixing",
    "Whether the word since the last reset is 10 again and again.",
    n_states=3,
    n_symbols=3,
    n_targets=2,
)(machine(0, (0.35, 0.35, 0.3))(_recogniser(2)))

task(
    "tomita4_reset",
    "discrete",
    "reporting",
    "Whether the word since the last reset has no three zeros in a row.",
    n_states=4,
    n_symbols=3,
    n_targets=2,
)(machine(0, (0.5, 0.4, 0.1))(_recogniser(4)))


@task(
    "odd_run",
    "discrete",
    "fixing",
    "Whether the present run of ones has an odd length.",
    n_states=2,
    n_symbols=2,
    n_targets=2,
)
@machine(0, (0.3, 0.7))
def _odd_run(odd: int, bit: int) -> tuple[int, int]:
    odd = (1 - odd) * bit
    return odd, odd


@task(
    "pattern",
    "discrete",
    "fixing",
    "Whether the last three bits, of which none counts twice, are 110.",
    n_states=3,
    n_moore=4,
    n_symbols=2,
    n_targets=2,
)
@machine(0, (0.45, 0.55))
def _pattern(matched: int, bit: int) -> tuple[int, int]:
    return (min(matched + 1, 2), 0) if bit else (0, int(matched == 2))


@task(
    "brackets4",
    "discrete",
    "reporting",
    "Whether all brackets are closed, up to four deep; one too many changes nothing.",
    n_states=5,
    n_symbols=3,
    n_targets=2,
)
@machine(0, (0.2, 0.4, 0.4))
def _brackets4(depth: int, symbol: int) -> tuple[int, int]:
    depth = min(max(depth + (0, 1, -1)[symbol], 0), 4)
    return depth, int(depth == 0)


@task(
    "stack3",
    "discrete",
    "reporting",
    "A stack of at most three symbols of two kinds, each emitted when it is taken off.",
    n_states=15,
    n_moore=29,
    n_symbols=3,
    n_targets=3,
)
@machine((), (0.3, 0.3, 0.4))
def _stack3(stack: tuple[int, ...], symbol: int) -> tuple[tuple[int, ...], int]:
    if symbol == 2:
        return stack[:-1], 1 + stack[-1] if stack else 0
    return (stack if len(stack) == 3 else (*stack, symbol)), 0


@task(
    "lexer",
    "discrete",
    "reporting",
    "Whether a character is in code, a string or a comment; no output shows an escape.",
    n_states=4,
    n_symbols=5,
    n_targets=3,
    symbol_names=("letter", "quote", "backslash", "hash", "newline"),
    target_names=("code", "string", "comment"),
    state_names=("code", "string", "comment", "escape"),
)
@machine("code", (0.5, 0.18, 0.12, 0.08, 0.12))
def _lexer(state: str, symbol: int) -> tuple[str, int]:
    """Read a letter, a quote, a backslash, a hash or a newline."""
    match state:
        case "code":
            state = {1: "string", 3: "comment"}.get(symbol, "code")
        case "string":
            state = {1: "code", 2: "escape"}.get(symbol, "string")
        case "escape":
            state = "string"
        case _:
            state = "code" if symbol == 4 else "comment"
    return state, {"code": 0, "comment": 2}.get(state, 1)


@task(
    "combination_lock",
    "discrete",
    "reporting",
    "Open once after the digits 1, 2, 1, 0 in a row; any other digit begins anew.",
    n_states=4,
    n_moore=5,
    n_symbols=3,
    n_targets=2,
)
@machine(0, (0.3, 0.4, 0.3))
def _combination_lock(matched: int, digit: int) -> tuple[int, int]:
    if digit != (1, 2, 1, 0)[matched]:
        return int(digit == 1), 0
    return (matched + 1) % 4, int(matched == 3)
