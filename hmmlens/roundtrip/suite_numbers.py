"""Grades from the numbers in a table of verdicts, with other thresholds or without some rules."""

from __future__ import annotations


#: Names of the rules for networks whose futures are known.
