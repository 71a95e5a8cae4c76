"""The registry of tasks, and what is known of each.

A task is a function that samples sequences; the decorator :func:`task` registers it with the answer
that a verdict about a network that learnt it must reach. The answer is that of the least memory
that solves the task, so it holds for a network only as far as the network solves the task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.registry import Registry
from hmmlens.typing import Floats, Int64s

#: What a verdict must find. discrete: states that are finite in number; many: more than
#: ``MANY_STATES`` of them; belief: a distribution over hidden states, updated by every input;
#: mixed: points and a continuum; continuum: graded memory; forgets: nothing before the present
#: input matters, or nothing for longer than a step or two. A window over symbols is discrete.
Answer = Literal["discrete", "many", "belief", "mixed", "continuum", "forgets"]

#: ``fixing``: thresholds of the verdict may be fixed on the task; ``reporting``: error rates are
#: measured on it, and nothing may be fixed on it.
Half = Literal["fixing", "reporting"]

#: How long the past matters. held: for any time; recent: for a fixed number of inputs; fading: less
#: and less; none: not at all.
Memory = Literal["held", "recent", "fading", "none"]

#: The largest number of states that the answer ``discrete`` allows.
MANY_STATES = 30


class Sample(NamedTuple):
    """Sequences of a task.

    Attributes
    ----------
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Symbols, as integers, or values.
    target : ndarray of shape (sequence, time) or (sequence, time, output)
        Symbols, as integers, or values.
    states : ndarray of int, shape (sequence, time), or None
        The state after each input; None where there are no discrete states. Where the answer is
        ``mixed`` it is the discrete part, and where it is ``belief`` the state of the generator.
    exact : ndarray of shape (sequence, time) or (sequence, time, value), or None
        The target without noise: the distribution of a symbol, or the mean of a value. None where
        the target has no noise, or where it is not known.
    floor : float or None
        The loss of the exact answer, in nats or squared error per output; None where not known.
    """

    inputs: NDArray[np.number]
    target: NDArray[np.number]
    states: Int64s | None = None
    exact: Floats | None = None
    floor: float | None = 0.0


Sampler = Callable[[int, int, np.random.Generator], Sample]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained so that it learns a task.

    Attributes
    ----------
    n_units : int
        Units of its layer.
    n_sequences, n_steps : int
        Size of the dataset.
    n_epochs : int
        Passes over the train split.
    batch_size : int
        Sequences of a batch.
    learning_rate : float
        Of Adam.
    clip_norm : float
        Largest norm of a gradient.
    """

    n_units: int = 32
    n_sequences: int = 1000
    n_steps: int = 50
    n_epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 5e-3
    clip_norm: float = 1.0


@dataclass(frozen=True)
class Task:
    """A task and what is known of it.

    Attributes
    ----------
    sample : callable
        Takes the numbers of sequences and steps and a generator, and returns a :class:`Sample`.
    description : str
        One sentence.
    answer : str
        See :data:`Answer`.
    half : str
        See :data:`Half`.
    memory : str
        See :data:`Memory`.
    n_states : int or None
        States of the minimal machine, as classes of memory: two states are one where the same
        inputs give the same outputs ever after (a Mealy machine; Myhill and Nerode). For ``belief``
        the states of the generator, for ``mixed`` those of the discrete part; None without states.
    n_moore : int or None
        States where the present output counts too (a Moore machine).
    n_symbols, n_targets : int or None
        Number of input and of target symbols; None where they are values.
    target_delay : int
        Steps from an input to its target: 1 where the next input is predicted.
    recipe : Recipe
        How a network learns it.
    symbol_names, target_names, state_names : tuple of str
        Names of the input symbols, target symbols and states; empty where they are numbered.
    """

    sample: Sampler
    description: str
    answer: Answer
    half: Half
    memory: Memory
    n_states: int | None
    n_moore: int | None
    n_symbols: int | None
    n_targets: int | None
    target_delay: int
    recipe: Recipe
    symbol_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    state_names: tuple[str, ...] = ()


#: Every task by its name in configs.
TASKS: Registry[Task] = Registry("task")


def task(
    name: str,
    answer: Answer,
    half: Half,
    description: str,
    *,
    memory: Memory = "held",
    n_states: int | None = None,
    n_moore: int | None = None,
    n_symbols: int | None = None,
    n_targets: int | None = None,
    target_delay: int = 0,
    recipe: Recipe | None = None,
    symbol_names: tuple[str, ...] = (),
    target_names: tuple[str, ...] = (),
    state_names: tuple[str, ...] = (),
) -> Callable[[Sampler], Sampler]:
    """Return a decorator that registers a function as a task and returns it.

    Parameters
    ----------
    name : str
        The name in configs and tables; with blanks for underscores it is the label.
    answer, half, description, memory : str
        See :class:`Task`.
    n_states : int, optional
        See :class:`Task`.
    n_moore : int, optional
        By default ``n_states``.
    n_symbols, n_targets : int, optional
        See :class:`Task`.
    target_delay : int, default=0
        See :class:`Task`.
    recipe : Recipe, optional
        By default that of the class.
    symbol_names, target_names, state_names : tuple of str, optional
        See :class:`Task`.

    Returns
    -------
    callable
        Takes the sampler and returns it.
    """

    def _registered(sample: Sampler) -> Sampler:
        member = Task(
            sample,
            description,
            answer,
            half,
            memory,
            n_states,
            n_states if n_moore is None else n_moore,
            n_symbols,
            n_targets,
            target_delay,
            recipe or Recipe(),
            symbol_names,
            target_names,
            state_names,
        )
        TASKS.register(name, label=name.replace("_", " "))(member)
        return sample

    return _registered
