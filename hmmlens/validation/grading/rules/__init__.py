"""The rules that grade a network by the numbers of :mod:`hmmlens.validation.grading.numbers`.

Each rule is one entry of :data:`RULES`: it compares numbers with :class:`Thresholds`, states both
in a sentence, and names the grade that its outcome decides. A new rule is one function with the
decorator :func:`rule`, and a field of :class:`Thresholds` where it has a threshold of its own.

The rules are applied in the order in which they are defined: first that of ``competent``, then
those of ``futures`` or of ``recording``, according to what is known of the network.
"""

# The order of these three is that of the rules. Python runs them before any module of this package
# that is imported by itself, so that the order is always the same.
from hmmlens.validation.grading.rules import competent, futures, recording  # noqa: F401
from hmmlens.validation.grading.rules.registry import RULES, Reason, Rule, Test, rule
from hmmlens.validation.grading.rules.thresholds import DEFAULT, Thresholds

__all__ = ["DEFAULT", "RULES", "Reason", "Rule", "Test", "Thresholds", "rule"]
