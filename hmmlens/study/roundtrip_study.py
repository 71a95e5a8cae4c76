"""The settings of a round-trip study: networks learn a known model, which is then recovered."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hmmlens import settings
from hmmlens.rnn.settings import Training
from hmmlens.roundtrip.settings import PREFIX, MethodName, Suite, Trip
from hmmlens.settings import NAMES_ONLY, Name, Section, Seed


class RoundTripStudy(Section):
    """A round-trip study, and all that it makes under ``results/{study}``."""

    study: Name
    title: str = Field(default="From hidden Markov models to networks and back", min_length=1)
    seed: Seed = Field(default=1, description="every random draw is derived from it")
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    trips: dict[Name, Trip] = Field(min_length=1, json_schema_extra=NAMES_ONLY)
    suite: Suite | None = Field(
        default=None, description="add the tasks on which error rates of the verdict are measured"
    )
    training: Training = Training()
    max_frames: int = Field(default=8000, ge=500, description="recorded steps of each network")
    n_states: list[Annotated[int, Field(ge=1, le=64)]] = Field(
        default=[1, 2, 3, 4, 5, 6, 8, 10, 12],
        min_length=2,
        description="sizes of the hidden Markov models that BIC chooses from",
    )
    n_restarts: int = Field(default=3, ge=1)
    methods: list[MethodName] = Field(
        default=["hmm", "k-means", "gaussian mixture", "pca grid", "ar-hmm"],
        min_length=1,
        description="ways to get states from activations: names, or package.module:function",
    )
    automata: bool = Field(
        default=False,
        description="learn automata of networks that read symbols; needs the extra automata",
    )

    @model_validator(mode="after")
    def _usable(self) -> RoundTripStudy:
        from hmmlens.roundtrip.settings import METHOD_NAMES
        from hmmlens.study import config_names, rules

        if taken := config_names.problems(rules.ROUND_TRIPS, "trip", self.trips, "trips"):
            raise ValueError("\n".join(taken))
        own = [name for name in self.trips if name.startswith(PREFIX)]
        if self.suite is not None and own:
            raise ValueError(
                f"trips.{own[0]}: names that begin with {PREFIX} are those of the section suite; "
                "call it something else"
            )
        if sorted(set(self.n_states)) != self.n_states:
            raise ValueError(f"n_states: must rise and hold no number twice, found {self.n_states}")
        lists: dict[str, list[Any]] = {"methods": self.methods}
        lists |= {f"trips.{name}.cells": list(trip.cells) for name, trip in self.trips.items()}
        if self.suite is not None:
            lists |= {"suite.cells": list(self.suite.cells), "suite.halves": self.suite.halves}
        for path, listed in lists.items():
            if len(set(listed)) < len(listed):
                raise ValueError(f"{path}: must name nothing twice, found {', '.join(listed)}")
        unknown = [m for m in self.methods if ":" not in m and m not in METHOD_NAMES]
        if unknown:
            raise ValueError(
                f"methods: there is no method {unknown[0]!r}, wants package.module:function or "
                f"one of: {', '.join(METHOD_NAMES)}"
            )
        return self

    @cached_property
    def all_trips(self) -> dict[str, Trip]:
        """The round trips of the study and those of its suite.

        Returns
        -------
        dict of str to Trip
            By name.
        """
        return self.trips | (self.suite.trips() if self.suite else {})

    def training_of(self, name: str) -> Training:
        """Return the training settings of a round trip: its own, or else the study's.

        Parameters
        ----------
        name : str
            Name of the round trip.

        Returns
        -------
        Training
            The settings.
        """
        return self.all_trips[name].training or self.training


def load(raw: Any, source: str) -> RoundTripStudy:
    """Check a parsed config and return it; see :func:`hmmlens.study.config.load`.

    Parameters
    ----------
    raw : object
        The mapping read from YAML.
    source : str
        Name of the file, for the messages.

    Returns
    -------
    RoundTripStudy
        The checked settings.

    Raises
    ------
    ConfigError
        With one sentence per mistake, each on its own line.
    """
    return settings.check(RoundTripStudy, raw, source)
