"""Chat templates: compiled and rendered under a deadline, every failure a `TemplateError`.

A rendering runs in a thread of its own, and is stopped in place when its time is up. No process is
forked for it: a server and a user interface have threads, and those do not survive a fork.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import TemplateError
from ..value import value

if TYPE_CHECKING:
    from jinja2 import Template

SECONDS = 2.0
"""How long a rendering may take. Two hundred turns take a few milliseconds."""

SOURCE_LIMIT = 100_000
"""Characters of a template. The longest that are published have about 20,000."""

T = TypeVar("T")


@value
class Rendering:
    """What a template wrote. `asked_clock`: it used the date, so tomorrow's differs."""

    text: str
    asked_clock: bool


class CompiledTemplate:
    """A compiled chat template. Made by `compile_template`."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def render(
        self, variables: dict[str, Any], *, now: datetime, seconds: float = SECONDS
    ) -> Rendering:
        """Render with `variables` (plain data only) at the moment `now`.

        Raises `TemplateError` for whatever goes wrong: the template refuses the conversation
        (its own words are quoted), fails, reaches outside, grows, or takes longer than `seconds`.
        """
        from .meter import Meter, start

        def work() -> Rendering:
            meter = Meter(now, variables)
            start(meter)
            return Rendering(self._template.render(variables), meter.asked_clock)

        return _bounded(work, seconds)


@lru_cache(maxsize=32)
def compile_template(
    source: str, codes: Path | None = None, *, seconds: float = SECONDS
) -> CompiledTemplate:
    """Compile a Jinja chat template. Raises `TemplateError` with the line of a syntax error.

    `codes` is the folder where the code is kept for the next process.
    """
    from . import codes as kept
    from .environment import TemplateEnvironment

    if len(source) > SOURCE_LIMIT:
        raise TemplateError(
            f"The chat template has {len(source):,} characters; {SOURCE_LIMIT:,} are the most "
            "that are compiled. Is it a template?"
        )
    environment = TemplateEnvironment()
    code = kept.find(source, codes) if codes else None
    if code is None:
        code = _bounded(lambda: environment.compile(source), seconds)
        if codes:
            kept.keep(source, code, codes)
    return CompiledTemplate(
        environment.template_class.from_code(environment, code, environment.make_globals(None))
    )


def _bounded(work: Callable[[], T], seconds: float) -> T:
    """Run `work` in a thread that is stopped after `seconds`; its failures as `TemplateError`."""
    from .meter import Aborted

    results: list[T] = []
    failures: list[BaseException] = []
    lock = threading.Lock()  # held to stop the worker, and to say that it need not be stopped
    done = threading.Event()

    def run() -> None:
        try:
            try:
                results.append(work())
            except (Exception, Aborted) as failure:
                failures.append(failure)
            with lock:
                done.set()
        except Aborted:  # stopped while it was ending
            with lock:
                done.set()

    worker = threading.Thread(target=run, name="pellucid-template", daemon=True)
    worker.start()
    try:
        done.wait(seconds)
    finally:
        _stop(worker, lock, done)
    if results:
        return results[0]
    if not failures:
        raise TemplateError(f"The chat template was stopped: it takes more than {seconds:g} s.")
    raise _explained(failures[0], seconds) from failures[0]


def _stop(worker: threading.Thread, lock: threading.Lock, done: threading.Event) -> None:
    """Raise `Aborted` inside `worker`, again until it is done or a second has passed."""
    if done.is_set():
        worker.join()
        return
    import ctypes

    from .meter import Aborted

    _hush()
    stop = ctypes.pythonapi.PyThreadState_SetAsyncExc
    for _ in range(20):
        with lock:
            if not done.is_set():
                stop(ctypes.c_ulong(worker.ident or 0), ctypes.py_object(Aborted))
        if done.wait(0.05):
            worker.join()
            return


@cache
def _hush() -> None:
    """Say nothing of an `Aborted` that met the worker inside a destructor or a weak reference's
    callback. Python cannot raise there: it prints the exception and drops it, and the next try
    stops the worker."""
    from .meter import Aborted

    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not Aborted:
            before(unraisable)

    sys.unraisablehook = hook


def _explained(failure: BaseException, seconds: float) -> TemplateError:
    """The sentence for what went wrong in a template."""
    from jinja2 import TemplateSyntaxError, UndefinedError
    from jinja2.exceptions import SecurityError

    from .environment import Refusal
    from .meter import Aborted

    where = _line(failure)
    match failure:
        case Refusal():
            said = f"The chat template refuses this conversation: {str(failure)!r}."
        case TemplateSyntaxError():
            message = (failure.message or "").rstrip(".")
            said = f"The chat template has a syntax error in line {failure.lineno}: {message}."
        case SecurityError():
            said = f"The chat template reaches outside its sandbox{where}: {failure}."
        case UndefinedError():
            said = f"The chat template uses what is not there{where}: {failure}."
        case Aborted():
            reason = str(failure) or f"it takes more than {seconds:g} s"
            said = f"The chat template was stopped: {reason}."
        case RecursionError():
            said = "The chat template, or what it was given, is nested too deeply."
        case _:
            kind = type(failure).__name__
            said = f"The chat template fails{where}: {kind}: {str(failure).rstrip('.')}."
    return TemplateError(said)


def _line(failure: BaseException) -> str:
    """` in line N` of the template, where the traceback tells."""
    trace, line = failure.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in ("<template>", "<unknown>"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" in line {line}" if line else ""
