"""The jinja2 environment that chat templates run in: immutable, allow-listed and metered.

It stands for the one of Hugging Face transformers (`trim_blocks`, `lstrip_blocks`, loop controls,
`raise_exception`, `strftime_now`, a `tojson` that does not escape HTML, the `generation` block),
since templates are written against that. Templates come out of model files nobody vouches for, so
here a template reaches only the methods and filters of `methods.py`, calls only what it was given,
and pays for every value it makes (`meter.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from types import MethodType
from typing import Any

from jinja2 import TemplateRuntimeError, TemplateSyntaxError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import LoopControlExtension
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter, safe_range
from jinja2.utils import Cycler, Joiner, Namespace, missing

from .codegen import Generation, Generator
from .meter import SMALL, Aborted, meter
from .methods import FILTERS, METHODS, TESTS, as_text, formatted, joined

PARTS = 10_000
"""Nodes of a template's syntax tree; the largest that are published have about 1,000. Python's own
compiler, which no deadline interrupts, does so many in a fraction of a second."""

BITS = 10_000
"""Size of the largest whole number."""

REFUSED = (
    nodes.Block,
    nodes.EvalContextModifier,
    nodes.Extends,
    nodes.FromImport,
    nodes.Import,
    nodes.Include,
)

ATTRIBUTES: dict[type, frozenset[str]] = {
    LoopContext: frozenset(
        {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0"}
        | {"previtem", "nextitem", "cycle", "changed"}
    ),
    Cycler: frozenset({"next", "reset", "current"}),
}


MAPPING_ATTRIBUTES = frozenset(dir(dict))
ONLY_TEXTS = frozenset({str})


class Refusal(TemplateRuntimeError):
    """The template called `raise_exception`: it does not take this conversation."""


class Bound(partial[Any]):
    """An allow-listed method of a value."""


class _Formatter(SandboxedFormatter):
    """`str.format` that looks names up through the sandbox and pays as it goes."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if conversion is None:
            return value
        meter().spend(10 * meter().weigh(value))
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> str:
        if re.search(r"\d{4}", format_spec):
            raise Aborted("it formats with a width of four digits")
        if not format_spec:
            value = as_text(value)
        return str(meter().keep(format(value, format_spec)))


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Renders with the allow-lists and the meter of the thread it runs in."""

    code_generator_class = Generator
    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[Generation, LoopControlExtension],
            optimized=False,
            finalize=self._written,
            cache_size=0,
        )
        self.filters = dict(FILTERS)
        self.tests = dict(TESTS)
        self.globals = {
            "range": safe_range,
            "dict": lambda *pairs, **named: meter().keep(dict(*pairs, **named)),
            "namespace": Namespace,
            "cycler": Cycler,
            "joiner": Joiner,
            "raise_exception": _raise_exception,
            "strftime_now": _strftime_now,
        }
        self._callable = {id(function) for function in self.globals.values()}

    # -- compiling

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        parts = sum(1 for _ in tree.find_all(nodes.Node))
        if parts > PARTS:
            raise TemplateSyntaxError(f"{parts:,} parts, and {PARTS:,} are the most", 1)
        for node in tree.find_all(REFUSED):
            kind = type(node).__name__
            raise TemplateSyntaxError(f"a chat template cannot use {kind!r}", node.lineno)
        return tree

    # -- reaching for things

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: an allow-listed method, else the item of that name."""
        if isinstance(obj, dict) and attribute not in MAPPING_ATTRIBUTES:  # nearly always
            value = obj.get(attribute, missing)
            return self.undefined(obj=obj, name=attribute) if value is missing else value
        value = self._member(obj, attribute)
        if value is not missing:
            return value
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return self._absent(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: the item, else the allow-listed method of that name."""
        if isinstance(obj, dict | list | tuple | str | range):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                pass
        if isinstance(argument, str):
            return self.attribute(obj, argument)
        return self.undefined(obj=obj, name=argument)

    def attribute(self, obj: Any, name: str) -> Any:
        """An allow-listed method or attribute, never an item (so the filter `attr` wants it)."""
        value = self._member(obj, name)
        return self._absent(obj, name) if value is missing else value

    def _member(self, obj: Any, name: str) -> Any:
        kind = type(obj)
        if isinstance(obj, str):
            kind, obj = str, as_text(obj)
        elif isinstance(obj, dict):
            kind = dict
        method = METHODS.get(kind, {}).get(name)
        if method is not None:
            return Bound(method, obj)
        if kind is str and name == "format":
            return Bound(self._format, obj)
        if name in ATTRIBUTES.get(kind, ()):
            value = getattr(obj, name)
            return Bound(value) if isinstance(value, MethodType) else value
        if kind is Namespace and not name.startswith("_"):
            return getattr(obj, name, missing)
        return missing

    def _absent(self, obj: Any, name: str) -> Undefined:
        if isinstance(obj, Undefined) and not name.startswith("_"):
            getattr(obj, name)  # raises the error that names what is undefined
        if hasattr(type(obj), name) or name.startswith("_"):
            raise SecurityError(f"{name!r} of a {type(obj).__name__} is out of reach")
        return self.undefined(obj=obj, name=name)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        meter().spend(SMALL)
        if isinstance(obj, Bound) or id(obj) in self._callable:
            kwargs.pop("_loop_vars", None)
            kwargs.pop("_block_vars", None)
            return obj(*args, **kwargs)
        if isinstance(obj, Macro | LoopContext | Joiner | Undefined):
            return context.call(obj, *args, **kwargs)
        raise SecurityError(f"a {type(obj).__name__} cannot be called")

    # -- making things

    def keep(self, value: Any) -> Any:
        return meter().keep(value)

    def concat(self, parts: Iterable[str]) -> str:
        return meter().join("", list(parts))

    def concat_values(self, values: Sequence[Any]) -> str:
        return joined("", values)

    def add(self, terms: Sequence[Any]) -> Any:
        if ONLY_TEXTS.issuperset(map(type, terms)):
            return meter().join("", terms)
        total = terms[0]
        for term in terms[1:]:
            total = meter().keep(total + term)
        return total

    def _written(self, value: Any) -> str:
        meter().spend(16)
        return as_text(value)

    def _format(self, form: str, *args: Any, **kwargs: Any) -> str:
        return _Formatter(self).vformat(form, args, kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            return formatted(as_text(left), right)
        if operator == "*":
            _check_product(left, right)
            _check_product(right, left)
        if operator == "**" and isinstance(left, int) and isinstance(right, int):
            _check_bits(left.bit_length() * max(right, 0))
        return meter().keep(super().call_binop(context, operator, left, right))


def _check_product(left: Any, right: Any) -> None:
    if not isinstance(right, int):
        return
    if isinstance(left, int):
        _check_bits(left.bit_length() + right.bit_length())
    elif isinstance(left, str | list | tuple):
        meter().spend((meter().weigh(left) - SMALL) * max(right, 0))


def _check_bits(bits: int) -> None:
    if bits > BITS:
        raise Aborted("it makes a number of more than 3,000 digits")


def _raise_exception(message: object = "") -> None:
    raise Refusal(as_text(message))


def _strftime_now(form: str) -> str:
    running = meter()
    running.asked_clock = True
    if len(form) > 200:
        raise ValueError("a date format of more than 200 characters")
    return running.now.strftime(form)
