"""A Python function as a tool: its name, description and JSON schema, its checked call.

@pellucid.tool
def ticket_price(city: str) -> float:
    '''The price of a return ticket.

    Args:
        city: where to, for instance London
    '''
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints, overload

from ..errors import BadArguments, UsageError
from ..messages import ToolSpec

if TYPE_CHECKING:
    from pydantic import BaseModel

Function = TypeVar("Function", bound=Callable[..., Any])

NAME = r"[a-zA-Z0-9_-]{1,64}"
"""Names that every provider takes: https://platform.openai.com/docs/api-reference/chat/create"""
PREFIX = "argument_"
WORDS = 200
"""Characters of arguments that are no JSON, told to the model that wrote them."""
SECONDS = 30.0
"""How long a call may take when its tool says nothing."""


class Tool:
    """A function and what a model is told of it.

    `acts`: it changes something in the world, so it asks first. `parallel`: calls of it may run at
    the same time as others. `seconds` bound a call. Calling the tool calls the function.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        acts: bool = False,
        parallel: bool = False,
        seconds: float = SECONDS,
    ) -> None:
        self.function = function
        self.acts = acts
        self.parallel = parallel
        self.seconds = seconds
        self._checked = parameters is None
        said = _Docstring.of(function)
        self.spec = ToolSpec(
            _name(name or str(getattr(function, "__name__", "tool"))),
            description if description is not None else said.description,
            self._schema(said) if parameters is None else parameters,
        )

    @property
    def name(self) -> str:
        return self.spec.name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Tool({self.name}({', '.join(self.spec.parameters.get('properties', {}))}))"

    def arguments(self, text: str) -> dict[str, Any]:
        """The arguments of a call, checked against the schema and converted to the function's
        types. Raises `BadArguments` with what is wrong, in words a model can mend it by."""
        try:
            given = json.loads(text or "{}")
        except (ValueError, RecursionError) as error:
            raise BadArguments(
                f"The arguments of {self.name} are not JSON: {error}. They begin: {text[:WORDS]}"
            ) from error
        if not isinstance(given, dict):
            raise BadArguments(f"The arguments of {self.name} are an object, not {given!r}.")
        return self._converted(given) if self._checked else self._valid(given)

    def _valid(self, given: dict[str, Any]) -> dict[str, Any]:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match
        from referencing.exceptions import Unresolvable

        try:
            error = best_match(Draft202012Validator(self.spec.parameters).iter_errors(given))
        except Unresolvable as unresolvable:
            raise BadArguments(f"The schema of {self.name} is broken: {unresolvable}.") from None
        if error is not None:
            raise BadArguments(f"The arguments of {self.name} do not fit: {error.message}.")
        return given

    def _converted(self, given: dict[str, Any]) -> dict[str, Any]:
        from pydantic import ValidationError

        try:
            values = self._model.model_validate(given)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}"
                for each in error.errors()
            )
            raise BadArguments(f"The arguments of {self.name} do not fit: {wrong}.") from error
        present = values.model_fields_set
        return {name.removeprefix(PREFIX): getattr(values, name) for name in present}

    def _schema(self, said: _Docstring) -> dict[str, Any]:
        schema: dict[str, Any] = _plain(self._model.model_json_schema())
        for name, words in said.parameters.items():
            if name in schema["properties"]:
                schema["properties"][name].setdefault("description", words)
        return schema

    @cached_property
    def _model(self) -> type[BaseModel]:
        """The function's parameters as a pydantic model. Raises `UsageError` for one without a
        type."""
        import inspect
        from typing import Annotated

        from pydantic import ConfigDict, Field, create_model

        called = getattr(self.function, "__name__", type(self.function).__name__)
        try:
            hints = get_type_hints(self.function, include_extras=True)
            parameters = inspect.signature(self.function).parameters
        except (NameError, TypeError, ValueError) as error:
            why = str(error).rstrip(".")
            raise UsageError(
                f"{called} cannot be a tool: {why}. A tool is a function whose parameters have "
                "types."
            ) from error
        fields: dict[str, Any] = {}
        for name, parameter in parameters.items():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                how = str(parameter).partition(":")[0]  # with its stars
                raise UsageError(
                    f"The tool {called} takes {how} by its place; a model gives each parameter by "
                    "its name."
                )
            if name not in hints:
                raise UsageError(
                    f"The parameter {name!r} of the tool {called} has no type; "
                    f"write it, for instance `{name}: str`."
                )
            default = ... if parameter.default is parameter.empty else parameter.default
            # behind a prefix: `json`, `_id` and `model_config` mean something to pydantic
            fields[PREFIX + name] = (Annotated[hints[name], Field(alias=name)], default)
        strict = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
        try:
            return create_model("Arguments", __config__=strict, **fields)
        except Exception as error:  # pydantic's own errors are of many kinds
            raise UsageError(
                f"The tool {called} has a parameter that no JSON can say: {error}"
            ) from error


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    acts: bool = False,
    parallel: bool = False,
    seconds: float = SECONDS,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(function: Callable[..., Any] | None = None, /, **how: Any) -> Any:
    """Make a typed function with a docstring (Google, NumPy or Sphinx style) a `Tool`.

    Raises `UsageError` naming the parameter that has no type.
    """
    return Tool(function, **how) if function is not None else lambda f: Tool(f, **how)


class _Docstring:
    """What a function says of itself and of its parameters."""

    def __init__(self, description: str, parameters: dict[str, str]) -> None:
        self.description = description
        self.parameters = parameters

    @classmethod
    def of(cls, function: Callable[..., Any]) -> _Docstring:
        import inspect

        from docstring_parser import parse

        found = parse(inspect.getdoc(function) or "")
        texts = (found.short_description, found.long_description)
        return cls(
            "\n\n".join(text for text in texts if text),
            {each.arg_name: each.description or "" for each in found.params},
        )


def _name(name: str) -> str:
    import re

    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"{name!r} is no name of a tool: letters, digits, _ and -, at most 64 of them."
        )
    return name


def _plain(schema: Any) -> Any:
    """A schema without the titles that pydantic adds: they are tokens that say nothing."""
    if isinstance(schema, dict):
        return {
            key: {name: _plain(each) for name, each in inner.items()}
            if key in ("properties", "$defs")
            else _plain(inner)
            for key, inner in schema.items()
            if not (key == "title" and isinstance(inner, str))
        }
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema
