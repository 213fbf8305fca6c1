"""The keys of a study file, as YAML has them."""

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from harness.core.config import Strict
from harness.core.study import Direction


def text_of(value: Any) -> Any:
    """Return a number as its label, text as it is; what YAML reads as true, false or nothing needs quotes."""
    if isinstance(value, bool) or value is None:
        raise PydanticCustomError("text", 'YAML reads this as no text; put it in quotes, "true" for example')
    return f"{value:g}" if isinstance(value, float) else str(value) if isinstance(value, int) else value


class WhereFile(Strict):
    """Where a comparison is meant to hold; by default what it says is of the level compared."""

    metric: str
    level: str | None = None
    against: str | Annotated[float, Field(allow_inf_nan=False)] | None = None
    direction: Direction
    margin: float = Field(ge=0, allow_inf_nan=False)


class ExpectFile(Strict):
    """What a claim expects: one comparison for each level and each context that it names."""

    metric: str
    level: str | list[str]
    against: str | Annotated[float, Field(allow_inf_nan=False)] | None = None
    direction: Direction
    margin: float = Field(ge=0, allow_inf_nan=False)
    where: WhereFile | None = None
    contexts: list[str] | None = None
    more_than: str | None = None


class EditFile(Strict):
    """That an expectation was changed after results had been seen: those of which commit, and why."""

    after: str = Field(pattern="^[0-9a-f]{7,40}$")
    because: str = Field(min_length=1)


class ClaimFile(Strict):
    """A claim of the lecture in our own words."""

    id: str
    words: str
    source: str
    because: str = Field(min_length=1)
    check: bool = False
    edited: list[EditFile] = Field(default=[])
    expect: list[ExpectFile] = Field(min_length=1)


class TuneFile(Strict):
    """Values tried on validation for every level of these contexts."""

    setting: str
    values: list[float] = Field(min_length=2)
    seeds: int = Field(default=3, strict=True, ge=1, le=1000)
    contexts: list[str] = Field(min_length=1)


class StudyFile(Strict):
    """The keys of a study file."""

    title: str
    question: str
    factor: str
    levels: list[Any] = Field(min_length=2)
    control: str
    contexts: dict[str, dict[str, Any] | None] = Field(default={"default": None}, min_length=1)
    seeds: int | dict[str, int] | None = None
    metrics: list[str] = Field(default=["test_accuracy"], min_length=1)
    probes: list[str] = Field(default=[])
    tune: TuneFile | None = None
    claims: list[ClaimFile] = Field(default=[])

    @field_validator("control", mode="before")
    @classmethod
    def label(cls, control: Any) -> Any:
        """Take a number for the label of its level."""
        return text_of(control)

    @field_validator("contexts", mode="before")
    @classmethod
    def named(cls, contexts: Any) -> Any:
        """Take numbers for names."""
        return (
            {text_of(name): changes for name, changes in contexts.items()} if isinstance(contexts, dict) else contexts
        )

    @field_validator("seeds", mode="before")
    @classmethod
    def counts(cls, seeds: Any) -> Any:
        """Refuse what is no number of runs; the union of types would tell it less plainly."""
        for count in seeds.values() if isinstance(seeds, dict) else [seeds]:
            if seeds is not None and (type(count) is not int or not 1 <= count <= 10000):
                raise PydanticCustomError("seeds", "must be a whole number from 1 to 10000, or one for each profile")
        return seeds
