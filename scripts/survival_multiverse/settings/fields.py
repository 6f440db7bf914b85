"""Building blocks of the models of the settings: groups of keys, and the types of their values."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, NoReturn, Self, TypeVar, cast, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic import GetCoreSchemaHandler as Handler
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, PydanticUndefined, core_schema

from survival_multiverse.settings.steps import Step

Item = TypeVar("Item")
FORMS = NUMBER, LIST, STAGE, GROUP, BORROWING = "(number)", "(list)", "(stage)", "(group)", "(borrowing)"
"""Tags of what a value with several forms is read as; no name in the settings holds brackets."""


class Group(BaseModel):
    """Keys of the settings that belong together; other keys and types of values are faults."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, defer_build=True
    )

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with keys that are right one by one: the key, and what to do about it."""
        yield from ()

    @model_validator(mode="after")
    def _refuse(self) -> Self:
        if faults := list(self.faults()):
            raise PydanticCustomError("faults", "several", {"faults": faults})
        return self

    @classmethod
    def read(cls, keys: Mapping[str, Any], step: Step | None = None) -> Self:
        """Return the group without checks: of all keys, which passed them, or of those that a step is told.

        Numbers stay as they are written, absent keys get their defaults, and other keys are left out. What
        the step is not told may not be used: see `Untold`.
        """
        told = {name for name, field in cls.model_fields.items() if step is None or step in told_to(field)}
        own = {
            name: _read(field.annotation, keys[name], step) if name in keys else _untold(cls, name)
            for name, field in cls.model_fields.items()
            if name in keys or name not in told
        }
        return cls.model_construct(**own)

    @classmethod
    def part_for(cls, keys: Mapping[str, Any], step: Step) -> dict[str, Any]:
        """Return those of the keys that the step is told."""
        return {
            name: _part_for(field.annotation, keys[name], step)
            for name, field in cls.model_fields.items()
            if name in keys and step in told_to(field)
        }


class Untold:
    """Stands for a setting that a step is not told; whatever uses it stops, so that nothing is assumed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name} is untold>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            # Copying and pickling ask for these.
            raise AttributeError(name)
        self._stop()

    def _stop(self, *_: object) -> NoReturn:
        raise LookupError(f"this step is not told the setting {self.name}; add the step to the key's `steps`")

    __bool__ = __iter__ = __len__ = __getitem__ = __contains__ = __str__ = __format__ = _stop
    __int__ = __float__ = __index__ = __lt__ = __le__ = __gt__ = __ge__ = _stop
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _stop
    __eq__ = __ne__ = __hash__ = _stop


def key(
    default: Any = PydanticUndefined,
    *,
    otherwise: str = "",
    unit: str = "",
    steps: Collection[Step] = tuple(Step),
    **limits: Any,
) -> Any:
    """Describe a key of a group; its meaning is the docstring below it.

    Parameters
    ----------
    default
        Value without the key; a key without one must be there.
    otherwise
        The default in words, where its value alone says too little.
    unit
        Of the value.
    steps
        The steps that are told it, of those that are told its group; a change of it makes only their results
        again.
    limits
        Those of `pydantic.Field`.
    """
    notes = {"unit": unit, "default_text": otherwise}
    extra: dict[str, Any] = {name: note for name, note in notes.items() if note}
    if len(steps) < len(Step):
        extra["steps"] = [*steps]
    return Field(default, json_schema_extra=extra, **limits)


def told_to(field: FieldInfo) -> Collection[Step]:
    """Return the steps that are told a key, of those that are told its group."""
    extra = field.json_schema_extra
    return cast(Collection[Step], extra.get("steps", tuple(Step))) if isinstance(extra, dict) else tuple(Step)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Values of these Python types, told in `words`; numbers and texts may become what `convert` makes."""

    types: tuple[type, ...]
    words: str
    shown: tuple[str, ...] = ()
    convert: Callable[[Any], Any] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Handler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        inner = handler(core)
        if not self.shown:
            return inner
        return {"description": self.words, "anyOf": [*({"type": name} for name in self.shown), inner]}

    def _checked(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, self.types):
            raise PydanticCustomError("kind", "{wanted}", {"wanted": self.words})
        return self.convert(value) if self.convert else value


def _whole(value: Any) -> Any:
    """Convert a whole number that YAML reads as another kind of number: 5.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _entry(value: Any) -> Any:
    """Return an entry that may be a value alone in its long form."""
    return value if isinstance(value, Mapping) else {"value": value}


def _read(kind: Any, value: Any, step: Step | None) -> Any:
    """Return the value with groups where the models have them, and tuples for lists."""
    return _each(kind, value, lambda group, keys: group.read(keys, step))


def _part_for(kind: Any, value: Any, step: Step) -> Any:
    """Return the value with those keys of its groups that the step is told."""
    return _each(kind, value, lambda group, keys: group.part_for(keys, step))


def _each(kind: Any, value: Any, of_group: Callable[[type[Group], Mapping[str, Any]], Any]) -> Any:
    """Return the value with what becomes of its groups, and tuples for lists."""
    if isinstance(kind, type) and issubclass(kind, Group):
        return of_group(kind, _entry(value))
    parts = get_args(kind)
    if get_origin(kind) is dict:
        return {name: _each(parts[1], item, of_group) for name, item in value.items()}
    if get_origin(kind) is tuple:
        return tuple(_each(parts[0], item, of_group) for item in value)
    # Annotated types and those that may be absent are what their first part is.
    return _each(parts[0], value, of_group) if parts and get_origin(kind) is not Literal else value


def _untold(group: type[Group], name: str) -> Any:
    """Return what stands for a key that is not told: a group of such keys, or one that stops who uses it."""
    kind = group.model_fields[name].annotation
    if isinstance(kind, type) and issubclass(kind, Group):
        return kind.model_construct(**{own: _untold(kind, own) for own in kind.model_fields})
    return Untold(f"{group.__name__}.{name}")


def _form(value: Any) -> str:
    return LIST if isinstance(value, list | tuple) else NUMBER


def refuse(text: str) -> NoReturn:
    """Refuse a value whose form is right, with what to do about it."""
    raise PydanticCustomError("faults", "one", {"faults": [("", text)]})


def _each_once(values: tuple[Item, ...]) -> tuple[Item, ...]:
    for value in values:
        if values.count(value) > 1:
            refuse(f"`{value}` is named {values.count(value)} times; name it once")
    return values


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(later <= earlier for earlier, later in pairwise(values)):
        ordered = ", ".join(f"{value:.15g}" for value in sorted(set(values)))
        refuse(f"the values must ascend, each once; write {ordered}")
    return values


def _in_order(limits: tuple[float, ...]) -> tuple[float, ...]:
    low, high = limits
    if not low < high:
        refuse(f"{low:.15g} is not below {high:.15g}; write the lower limit first")
    return limits


Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]*$")]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Landmark = Annotated[float, Field(ge=0)]
Whole = Annotated[int, OneOf((int, float), "a whole number", convert=_whole)]
Level = Annotated[str | float, OneOf((str, int, float), "text or a number")]
NumberOrName = Annotated[float | str, OneOf((str, int, float), "a number or a name")]
Names = tuple[str, ...]
Levels = Annotated[tuple[Level, ...], Field(min_length=1)]
Ascending = Annotated[tuple[Item, ...], AfterValidator(_ascending)]
SomeAscending = Annotated[tuple[Item, ...], Field(min_length=1), AfterValidator(_ascending)]
Range = Annotated[tuple[float, ...], Field(min_length=2, max_length=2), AfterValidator(_in_order)]
EachOnce = Annotated[tuple[Item, ...], Field(min_length=1), AfterValidator(_each_once)]
NumberOrPositives = Annotated[
    Annotated[Positive, Tag(NUMBER)] | Annotated[tuple[Positive, ...], Field(min_length=1), Tag(LIST)],
    Discriminator(_form),
]
NumberOrNumbers = Annotated[
    Annotated[float, Tag(NUMBER)] | Annotated[tuple[float, ...], Field(min_length=1), Tag(LIST)],
    Discriminator(_form),
]
