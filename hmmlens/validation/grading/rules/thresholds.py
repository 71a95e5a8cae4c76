"""Thresholds of the rules that grade a network."""

from __future__ import annotations

from dataclasses import dataclass

from hmmlens.validation.grading.competence import GAP, LOSS


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the rules.

    Those of futures were fixed on the tasks of the fixing half of the task suite
    (:mod:`hmmlens.datasets.synthetic.tasks`). After the reporting half had been read, ``gain`` was
    added because of untrained networks of the fixing half; no trained network got another grade.

    Attributes
    ----------
    loss : float
        Largest share of the marginal loss that a competent network may keep, where no floor is
        known.
    gap : float
        Smallest share of the way from the marginal loss to the floor, where a floor is known.
    ratio : float
        How many times further apart classes must be than states of one class.
    weak_ratio : float
        The same where a machine of the classes returns the output (``exact_machine``), and for
        dense points among graded states.
    ambiguity : float
        Largest distance within a class, as a share of the distance to the next class.
    points : float
        Smallest share of the states in classes that are points.
    share_of_sample : float
        Largest number of classes, as a share of the states that were compared.
    moves : float
        Smallest accuracy of the next class from class and input, where the class changes.
    machine : float
        Smallest R2 of the machine of the classes 20 steps ahead, below which their number is a
        lower bound.
    exact_machine : float
        Smallest R2 of that machine with which classes that are no points count as discrete.
    worst_output : float
        Smallest R2 of that machine for any single output with which its classes are all that the
        network holds. It was added because of ``hold_and_count`` and ``count_and_average``.
    gain : float
        How much more accurate the next class must be from class and input than from the input.
    same : float
        Largest spread of futures that counts as none, in standard deviations of the output.
    density : float
        How uneven the density of states must be for dense points among graded states.
    chain : float
        How many times wider than its largest gap a continuum must be.
    fidelity : float
        Smallest R2 of the output five steps ahead; without futures.
    most_states : int
        Largest number of states that counts as few; without futures.
    elbow_output, elbow_components : float
        Smallest elbow, in bits, of codebooks of the output distribution and of the principal
        components; without futures.
    flicker : float
        Upper limit of the share of steps without a clear state; without futures.
    """

    loss: float = LOSS
    gap: float = GAP
    ratio: float = 2.5
    weak_ratio: float = 1.5
    ambiguity: float = 0.25
    points: float = 0.9
    share_of_sample: float = 0.1
    moves: float = 0.9
    machine: float = 0.9
    exact_machine: float = 0.95
    worst_output: float = 0.5
    gain: float = 0.1
    same: float = 0.15
    density: float = 6.0
    chain: float = 4.0
    fidelity: float = 0.9
    most_states: int = 12
    elbow_output: float = 1.5
    elbow_components: float = 3.0
    flicker: float = 0.05


DEFAULT = Thresholds()
