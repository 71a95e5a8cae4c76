"""Settings of :func:`hmmlens.explain`: the sections of a study that apply to one network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from hmmlens import arguments
from hmmlens.datasets.own.base import Blocks
from hmmlens.errors import DataError
from hmmlens.hmm.settings import Selection, Sweep
from hmmlens.recording.settings import Activations
from hmmlens.reduction import fitting
from hmmlens.reduction.pca import PCA
from hmmlens.reduction.reducers import REDUCERS
from hmmlens.reduction.settings import ReducerConfig
from hmmlens.settings import NAMES_ONLY, Name, Section, Seed, Split, check
from hmmlens.validation.settings import Validation

#: Components of a reducer that is given as an argument of :func:`hmmlens.explain`.
N_COMPONENTS = 8
#: The grid of an explanation where it differs from that of a study.
SWEEP: dict[str, Any] = {"n_states": list(range(1, 13)), "n_restarts": 5}
#: Settings of each effort that differ from the defaults of studies. The verdict is computed in the
#: same way at every effort.
EFFORTS: dict[str, dict[str, dict[str, Any]]] = {
    "normal": {"sweep": SWEEP},
    "quick": {
        "sweep": {"n_states": list(range(1, 9)), "n_restarts": 2},
        "controls": {"untrained": False, "raw_input": False},
    },
}


class ExplanationControls(Section):
    """What is taken through the same stages to be compared with."""

    untrained: bool = Field(default=True, description="the network before training")
    raw_input: bool = Field(
        default=True, description="hidden Markov models of the inputs themselves"
    )


class ExplanationSettings(Section):
    """All settings of an explanation of one network."""

    effort: Literal["quick", "normal"] = Field(
        default="normal",
        description="quick leaves out the controls and PDF figures and fits fewer models",
    )
    seed: Seed = Field(default=0, description="of the split and of all that is random after it")
    split: Split = Field(default=Split(), description="where the data hold no split")
    blocks: Blocks = Field(default=Blocks(), description="of one or two sequences without a split")
    activations: Activations = Activations()
    reducers: dict[Name, ReducerConfig] = Field(
        default={f"pca-{N_COMPONENTS}": PCA(kind="pca", n_components=N_COMPONENTS)},
        min_length=1,
        json_schema_extra=NAMES_ONLY,
    )
    sweep: Sweep = Sweep(**SWEEP)
    selection: Selection = Selection()
    validation: Validation = Validation()
    controls: ExplanationControls = ExplanationControls()

    @model_validator(mode="before")
    @classmethod
    def _own_defaults(cls, raw: Any) -> Any:
        """Give sections the defaults of the effort, also where they are set in part."""
        if not isinstance(raw, Mapping):
            return raw
        effort = raw.get("effort", "normal")
        for name, own in EFFORTS.get(effort, {}).items() if isinstance(effort, str) else ():
            given = raw.get(name, {})
            # The defaults of the fields are those of the normal effort.
            if isinstance(given, Mapping) and (given or effort != "normal"):
                raw = {**raw, name: {**own, **given}}
        return raw

    @model_validator(mode="after")
    def _some_reducer_serves(self) -> ExplanationSettings:
        if all(reducer.exploratory for reducer in self.reducers.values()):
            labels = sorted({REDUCERS.label(reducer.kind) for reducer in self.reducers.values()})
            raise ValueError(
                f"reducers: found {' and '.join(labels)} alone, which is only exploratory; add "
                "another reducer, such as pca-8: {kind: pca, n_components: 8}"
            )
        return self


def reducer_name(settings: Mapping[str, Any]) -> str:
    """Return the name of a reduction, such as ``pca-8``.

    Parameters
    ----------
    settings : mapping
        ``kind`` of the reducer and its settings.

    Returns
    -------
    str
        The values of the settings, joined by hyphens.
    """
    return "-".join(str(value) for value in settings.values())


class Plan:
    """What an explanation computes, of settings and of the arguments that replace some of them.

    Parameters
    ----------
    settings : mapping or ExplanationSettings or None
        Sections of :class:`ExplanationSettings`; None for its defaults.
    effort : {"quick", "normal"}, optional
        Replaces ``effort``.
    max_frames : int, optional
        Replaces ``activations.max_frames``.
    reducer : str, optional
        Kind of the one reducer that replaces ``reducers``.
    n_components : int, optional
        Components of that reducer.
    n_states : int or iterable of int, optional
        Replaces ``sweep.n_states``.
    covariance_type : str, optional
        Replaces ``sweep.covariance_types``.
    n_restarts : int, optional
        Replaces ``sweep.n_restarts``.
    random_state : int, RandomState, Generator or None
        Replaces ``seed``.

    Attributes
    ----------
    settings : ExplanationSettings
        All sections.
    reducers : dict
        Settings of each reducer by its name.
    sweep : dict
        Arguments of :class:`hmmlens.HMMSweep`.
    max_frames : int
        Steps to record.
    seed : int
        The seed.

    Raises
    ------
    ConfigError
        When a setting does not fit; the message names it.
    DataError
        When an argument does not fit.
    """

    def __init__(
        self,
        settings: Mapping[str, Any] | ExplanationSettings | None,
        *,
        effort: str | None = None,
        max_frames: int | None = None,
        reducer: str | None = None,
        n_components: int | None = None,
        n_states: int | Iterable[int] | None = None,
        covariance_type: str | None = None,
        n_restarts: int | None = None,
        random_state: Any = "settings",
    ) -> None:
        self.settings = checked(settings, effort=effort)
        sections = self.settings
        self.max_frames = sections.activations.max_frames if max_frames is None else max_frames
        self.seed = sections.seed if _is_left_out(random_state) else arguments.seed(random_state)
        self.reducers = {name: one.model_dump() for name, one in sections.reducers.items()}
        if reducer is not None or n_components is not None:
            kind = "pca" if reducer is None else reducer
            n = N_COMPONENTS if n_components is None else n_components
            own = fitting.checked_settings({"kind": kind} | _width(kind, n))
            self.reducers = {reducer_name(own): own}
        grid = sections.sweep
        self.sweep: dict[str, Any] = {
            "n_states": arguments.counts(grid.n_states if n_states is None else n_states),
            "covariance_types": (
                grid.covariance_types if covariance_type is None else [covariance_type]
            ),
            "n_restarts": grid.n_restarts if n_restarts is None else n_restarts,
        } | _changed(grid, Sweep(), {"n_states", "covariance_types", "n_restarts"})

    def confirmatory(self) -> dict[str, dict[str, Any]]:
        """Return the reducers that may be chosen, without maps that only serve to look at.

        Returns
        -------
        dict
            Settings of each reducer by its name.
        """
        return {
            name: one
            for name, one in self.reducers.items()
            if not REDUCERS[one["kind"]].exploratory
        }

    def about(self) -> dict[str, Any]:
        """Return the settings for the record; those that have their defaults are left out.

        Returns
        -------
        dict
            JSON types.
        """
        found: dict[str, Any] = {"max_frames": self.max_frames}
        if len(self.reducers) == 1:
            found["reducer"] = next(iter(self.reducers.values()))
        else:
            found["reducers"] = self.reducers
        found |= {
            "sweep": {**self.sweep, "random_state": self.seed},
            "random_state": self.seed,
        }
        default = ExplanationSettings()
        if self.settings.effort != default.effort:
            found["effort"] = self.settings.effort
        for name in ("split", "blocks", "selection", "validation", "controls"):
            if changed := _changed(getattr(self.settings, name), getattr(default, name)):
                found[name] = changed
        if changed := _changed(self.settings.activations, default.activations, {"max_frames"}):
            found["activations"] = changed
        return found


def checked(
    settings: Mapping[str, Any] | ExplanationSettings | None,
    source: str = "settings",
    effort: str | None = None,
) -> ExplanationSettings:
    """Return settings of an explanation, with defaults filled in.

    Parameters
    ----------
    settings : mapping or ExplanationSettings or None
        Sections; None for the defaults.
    source : str
        What the settings were read from, for the message.
    effort : {"quick", "normal"}, optional
        Replaces ``effort`` of the settings.

    Returns
    -------
    ExplanationSettings
        All sections.

    Raises
    ------
    ConfigError
        When a section or a value does not fit.
    DataError
        When the settings are no mapping, or have another effort already.
    """
    if isinstance(settings, ExplanationSettings):
        if effort in (None, settings.effort):
            return settings
        raise DataError(
            f"effort is {effort!r}, and {settings.effort!r} in {source}, which hold the defaults "
            "of that effort; give the effort in these, or give a mapping of settings"
        )
    if settings is not None and not isinstance(settings, Mapping):
        raise DataError(
            f"{source} is a {type(settings).__name__}; give a mapping of sections, such as "
            "{'sweep': {'n_states': [1, 2, 4]}}"
        )
    plain = {
        name: part.model_dump(exclude_unset=True) if isinstance(part, Section) else part
        for name, part in (settings or {}).items()
    } | ({} if effort is None else {"effort": effort})
    return check(ExplanationSettings, plain, source)


def _changed(section: Section, default: Section, but: Iterable[str] = ()) -> dict[str, Any]:
    """Return the settings of a section that differ from the default, without some of them."""
    before, left_out = default.model_dump(), set(but)
    return {
        name: value
        for name, value in section.model_dump().items()
        if name not in left_out and value != before[name]
    }


def _width(kind: str, n_components: int) -> dict[str, int]:
    return {} if kind == "identity" else {"n_components": n_components}


def _is_left_out(random_state: Any) -> bool:
    return isinstance(random_state, str) and random_state == "settings"
