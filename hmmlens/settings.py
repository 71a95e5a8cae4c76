"""What every section of a study's settings shares."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from hmmlens.errors import ConfigError

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
#: What NumPy's and torch's generators take alike.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Probability = Annotated[float, Field(ge=0, le=1)]

#: The schema of a ``dict[Name, ...]`` would otherwise let names of another pattern through.
NAMES_ONLY: dict[str, Any] = {"additionalProperties": False}


class Section(BaseModel):
    """A mapping whose unknown keys are mistakes, and whose numbers are not guessed from text."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Split(Section):
    """Shares of the sequences (or recordings) in each split; they must add up to 1."""

    train: Probability = 0.6
    select: Probability = 0.2
    test: Probability = 0.2

    @model_validator(mode="after")
    def _sums_to_one(self) -> Split:
        shares = (self.train, self.select, self.test)
        found = " + ".join(f"{share:.10g}" for share in shares)
        if abs(sum(shares) - 1) > 1e-9:
            raise ValueError(
                f"train, select and test must add up to 1, found {found} = {sum(shares):.10g}"
            )
        if min(shares) <= 0:
            raise ValueError(f"train, select and test must each be above 0, found {found}")
        return self


def one_of(sections: Iterable[type[Section]]) -> Any:
    """Return the type of a section that is one of several, chosen by its key ``kind``.

    Parameters
    ----------
    sections : iterable of type
        Sections whose field ``kind`` is a ``Literal`` of its own.

    Returns
    -------
    type
        For annotations of fields.
    """
    return Annotated[functools.reduce(operator.or_, sections), Field(discriminator="kind")]


Model = TypeVar("Model", bound=Section)


def check(model: type[Model], raw: Any, source: str) -> Model:
    """Return ``raw`` as a model of settings, or raise a ConfigError as :func:`load` does.

    Parameters
    ----------
    model : type
        A class of settings.
    raw : object
        What was read.
    source : str
        Where it was read, for messages.

    Returns
    -------
    Section
        Of the class ``model``.

    Raises
    ------
    ConfigError
        When something does not fit, one sentence for each mistake.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        from hmmlens.setting_messages import sentences

        problems = sentences(error.errors(include_url=False), model.model_json_schema())
        raise ConfigError("\n".join(f"{source}: {sentence}" for sentence in problems)) from None
