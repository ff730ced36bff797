"""What goes wrong with a chat template, found by rendering small conversations with it.

Nothing here depends on how a template is written, only on what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, get_args

from ..errors import TemplateError
from ..messages import Message, Text, Thinking
from ..tokens.encoding import Tokenizer
from ..value import value
from .families import ChatFormat
from .trial import (
    ASK,
    ASK_AGAIN,
    CALL,
    LATER,
    REPLY,
    RESULT,
    SAME_DAY,
    SYSTEM,
    TOOL,
    Trial,
    difference,
    excerpt,
    refused,
)

Kind = Literal[
    "broken",
    "double-bos",
    "missing-bos",
    "refused",
    "system-dropped",
    "tools-dropped",
    "no-generation-prompt",
    "history-rewritten",
    "control-from-text",
    "turns-in-plain-text",
    "clock",
]

KINDS: tuple[Kind, ...] = get_args(Kind)

MEANING: dict[Kind, str] = {
    "broken": "it fails on a conversation it ought to take",
    "double-bos": "the prompt can get two BOS tokens",
    "missing-bos": "the model expects a BOS, and the template does not write it",
    "refused": "it refuses a role, or an order of roles",
    "system-dropped": "a system message is left out in silence",
    "tools-dropped": "tools, calls or their results are left out in silence",
    "no-generation-prompt": "nothing opens the assistant's turn",
    "history-rewritten": "what was sent, or answered, reads differently one turn later: "
    "the cached prefix is lost",
    "control-from-text": "the text of a message can become control tokens, where the prompt is "
    "rendered first and tokenized then",
    "turns-in-plain-text": "no control token stands between the user's text and the reply: "
    "text can imitate the border, whoever tokenizes it",
    "clock": "the prompt depends on the date or the time: when they change, the cached prefix ends",
}


@value
class Finding:
    """`example` is an excerpt that shows it, or the template's own words."""

    kind: Kind
    message: str
    example: str = ""


def lint(format: ChatFormat, tokenizer: Tokenizer | None = None) -> list[Finding]:
    """What is found wrong with a template, in the order of `KINDS`.

    With the model's `tokenizer`, its control tokens are tried instead of `format.controls`.
    """
    try:
        trial = Trial(format)
        trial.text(ASK)
    except TemplateError as error:
        return [Finding("broken", "It cannot render one question.", str(error))]
    found = []
    for check in CHECKS:
        try:
            found += list(check(trial))
        except TemplateError as error:
            found.append(Finding("broken", "It fails on a question and its reply.", str(error)))
    found += _control_from_text(trial, tokenizer)
    # A fault is found by several checks where it keeps them from going on.
    return sorted(dict.fromkeys(found), key=lambda finding: KINDS.index(finding.kind))


def _no(what: str, error: TemplateError) -> Finding:
    """That the template says no to something, or fails on it."""
    if refused(error):
        return Finding("refused", f"{what} is refused.", str(error))
    return Finding("broken", f"{what} makes it fail.", str(error))


def _bos(trial: Trial) -> Iterator[Finding]:
    format = trial.format
    if not format.bos:
        return
    text = trial.text(ASK)
    written = text.startswith(format.bos)
    if text.startswith(format.bos * 2):
        yield Finding("double-bos", "The template writes the BOS twice.", excerpt(text))
    elif written and format.adds_bos:
        yield Finding(
            "double-bos",
            f"The template writes {format.bos} and the tokenizer adds one: rendered to text and "
            "tokenized as any text, the prompt begins with two.",
            excerpt(format.bos + text),
        )
    elif format.adds_bos:
        yield Finding(
            "missing-bos",
            f"The tokenizer adds {format.bos} to any text and the template does not write it: "
            "tokenized as templates are meant to be, without additions, the prompt has none.",
            excerpt(text),
        )


def _system(trial: Trial) -> Iterator[Finding]:
    for what, messages in (
        ("A system message", (SYSTEM, ASK)),
        ("A system message further on", (ASK, REPLY, SYSTEM, ASK_AGAIN)),
    ):
        try:
            text = trial.text(*messages)
        except TemplateError as error:
            yield _no(what, error)
            return
        if SYSTEM.text not in text:
            yield Finding("system-dropped", f"{what} is not in the prompt.", excerpt(text))


def _tools(trial: Trial) -> Iterator[Finding]:
    lost = []
    example = ""
    for what, messages, tools, cases in (
        ("The schema of a tool", (ASK,), (TOOL,), {"the schema of a tool": ("tide_gauge",)}),
        # Without the schema, which holds the words of the call too.
        (
            "A call of a tool",
            (ASK, CALL, RESULT),
            (),
            {"the call of one": ("tide_gauge", "Skagen"), "its result": (RESULT.text,)},
        ),
    ):
        try:
            text = trial.text(*messages, tools=tools)
        except TemplateError as error:
            yield _no(what, error)
            continue
        dropped = [n for n, words in cases.items() if not all(word in text for word in words)]
        lost += dropped
        example = text if dropped else example
    if lost:
        yield Finding("tools-dropped", f"Not in the prompt: {', '.join(lost)}.", excerpt(example))


def _orders(trial: Trial) -> Iterator[Finding]:
    for what, messages in (
        ("A second message of the user in a row", (ASK, ASK_AGAIN)),
        ("A conversation that the assistant begins", (REPLY, ASK)),
    ):
        try:
            trial.text(*messages)
        except TemplateError as error:
            yield _no(what, error)


def _generation(trial: Trial) -> Iterator[Finding]:
    asked = trial.text(ASK)
    if asked != trial.text(ASK, generation=False):
        return
    # Some formats need none: the mark that ends a question begins the answer.
    answered = trial.text(ASK, REPLY, generation=False)
    opening = answered[: answered.find(REPLY.text)]
    if opening.startswith(asked) and opening[len(asked) :].strip():
        yield Finding(
            "no-generation-prompt",
            "A reply is introduced by words that the prompt of its question lacks.",
            excerpt(opening[len(asked) :]),
        )


def _history(trial: Trial) -> Iterator[Finding]:
    """Renders a turn, then the turn after it: the one must be the beginning of the other, and the
    reply must come back as it was produced."""
    lost: set[str] = set()
    for tools in ((), (TOOL,)):
        said = " with tools" if tools else ""
        quiet = False
        for what, messages, reply, words in _turns(trial):
            if not trial.takes(*messages, reply, ASK_AGAIN, tools=tools):
                continue
            before = trial.text(*messages, tools=tools)
            after = trial.text(*messages, reply, ASK_AGAIN, tools=tools)
            history = after.removeprefix(before)
            if not after.startswith(before):
                if not quiet and what not in lost:
                    quiet = True  # the others would say the same again
                    yield Finding(
                        "history-rewritten",
                        f"The prompt of {what}{said} is not the beginning of the next one.",
                        difference(before, after),
                    )
                lost.add(what)
                history = after[after.find(messages[-1].text) + len(messages[-1].text) :]
            changed = next((word for word in words if word not in history), None)
            if changed is not None and not tools:
                yield Finding(
                    "history-rewritten",
                    f"{what[0].upper()}{what[1:]} does not stay as the model produced it.",
                    f"{changed!r} became {excerpt(history)}",
                )


def _turns(trial: Trial) -> Iterator[tuple[str, tuple[Message, ...], Message, tuple[str, ...]]]:
    """What is tried: its name, the messages of the prompt, the reply, and the texts of that."""
    yield "a reply", (ASK,), REPLY, (REPLY.text,)
    blanks = Message("assistant", (Text(f" {REPLY.text} \n"),))
    yield "a reply with blanks around it", (ASK,), blanks, (blanks.text,)
    if "think" in trial.format.text:
        inline = Message("assistant", (Text(f"<think>\nA storm.\n</think>\n\n{REPLY.text}"),))
        yield "a reply with its thinking in it", (ASK,), inline, (inline.text,)
        apart = Message("assistant", (Thinking("A storm."), Text(REPLY.text)))
        yield "a reply with its thinking apart", (ASK,), apart, ("A storm.",)
    yield "a reply after a system message", (SYSTEM, ASK), REPLY, (REPLY.text,)
    yield "a reply to the result of a tool", (ASK, CALL, RESULT), REPLY, (REPLY.text,)


def _plain_turns(trial: Trial) -> Iterator[Finding]:
    if not trial.format.controls or trial.format.guessed:
        return
    text = trial.text(ASK, REPLY, generation=False)
    start, end = text.find(ASK.text) + len(ASK.text), text.find(REPLY.text)
    between = text[start:end]
    if start <= end and not any(control in between for control in trial.format.controls):
        yield Finding(
            "turns-in-plain-text",
            "What stands between a question and its reply is ordinary text.",
            excerpt(between),
        )


def _clock(trial: Trial) -> Iterator[Finding]:
    whose = "The prompt"
    for messages in (ASK,), (SYSTEM, ASK):
        if not trial.takes(*messages):
            continue
        now = trial.text(*messages)
        for moment, what in (SAME_DAY, "time of day"), (LATER, "date"):
            if (later := trial.text(*messages, now=moment)) != now:
                yield Finding("clock", f"{whose} changes with the {what}.", difference(now, later))
                return
        whose = "The prompt of a conversation with a system message"


def _control_from_text(trial: Trial, tokenizer: Tokenizer | None) -> Iterator[Finding]:
    controls = sorted(tokenizer.specials if tokenizer else trial.format.controls)
    able = []
    for control in controls:
        spoken = Message("user", (Text(f"How high {control} are the waves?"),))
        try:
            text = trial.text(spoken)
        except TemplateError:
            continue
        if spoken.text in text and (tokenizer is None or _becomes(control, text, tokenizer)):
            able.append(control)
    if able:
        yield Finding(
            "control-from-text",
            f"{len(able)} of {len(controls)} control tokens come through when a user spells them "
            "and the whole prompt is tokenized in one piece. Pellucid tokenizes what was said "
            "apart, and there they stay text."
            + (" Their spellings are guessed." if trial.format.guessed and not tokenizer else ""),
            " ".join(able[:6]) + (" …" if len(able) > 6 else ""),
        )


def _becomes(control: str, text: str, tokenizer: Tokenizer) -> bool:
    """Whether the reference way makes a control token of what the user spelled."""
    id = tokenizer.specials[control]
    harmless = text.replace(f"high {control} are", "high are")
    ids, others = (tokenizer.encode(t, specials=True).ids for t in (text, harmless))
    return ids.count(id) > others.count(id)


CHECKS: tuple[Callable[[Trial], Iterator[Finding]], ...] = (
    _bos,
    _system,
    _tools,
    _orders,
    _generation,
    _history,
    _plain_turns,
    _clock,
)
