"""Receipts made by hand, with the real ids of the Qwen vocabulary, for tests of the views.

The tokenizer here knows a few dozen words and, as the real one does, every single byte: whatever
else is put in becomes byte tokens, characters cut in their middle included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pellucid.messages import (
    Message,
    Options,
    Part,
    Request,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
    text_message,
)
from pellucid.prompt.values import Origin, Prompt, Span
from pellucid.record.receipt import Memory, Receipt, Timings
from pellucid.replies import Candidate, Reply, ReplyToken, Usage
from pellucid.tokens.encoding import Encoding

START, END = "<|im_start|>", "<|im_end|>"
SPECIALS = {START: 151644, END: 151645}
WORDS = {
    "system": 8948, "\n": 198, "\n\n": 271, "You": 2610, " are": 525, " a": 264,
    " helpful": 10950, " assistant": 17847, "user": 872, "Hi": 13048, " I": 358, "'m": 2776,
    " Stephen": 18095, "assistant": 77091, "Hello": 9707, " How": 2585, " can": 646,
    " help": 1492, " you": 498, " today": 3351, "What": 3838, "'s": 594, " my": 847,
    " name": 829, "Your": 7771, " is": 374, " weather": 9104, " in": 304, " Paris": 12095,
    "The": 785, " forecast": 17595, " page": 2150, " says": 2727, " ": 220, " °": 36286,
    " light": 3100, " wind": 9956, " from": 504, " the": 279, " west": 9710, "It": 2132,
    " with": 448, " Answer": 21806, " one": 825, " sentence": 11652, " 日": 75402, "本": 21894,
    "語": 102819, '{"': 4913, '":': 788, ' "': 330, '",': 497, '"}': 9207, "name": 606,
    "weather": 15206, "description": 4684, "Weather": 28981, " of": 315, " city": 3283,
    "city": 8926, "Paris": 59604, "function": 1688, "type": 1313, "tool": 14172,
}  # fmt: skip
LONGEST = max(map(len, WORDS))


def _byte_id(byte: int) -> int:
    """The id of a single byte in vocabularies made with GPT-2's byte alphabet."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in shown]
    return [*shown, *rest].index(byte)


BYTES = {byte: _byte_id(byte) for byte in range(256)}


def tokenize(text: str) -> Iterator[tuple[int, bytes, int, int]]:
    """Id, bytes and character offsets of each token: the longest known word, or bytes."""
    at = 0
    while at < len(text):
        for size in range(LONGEST, 0, -1):
            word = text[at : at + size]
            if len(word) == size and word in WORDS:
                yield WORDS[word], word.encode(), at, at + size
                at += size
                break
        else:
            for byte in text[at].encode():
                yield BYTES[byte], bytes([byte]), at, at + 1
            at += 1


def encode(text: str) -> Encoding:
    rows = list(tokenize(text))
    return Encoding(
        text,
        tuple(row[0] for row in rows),
        tuple(row[1] for row in rows),
        tuple((row[2], row[3]) for row in rows),
        (False,) * len(rows),
        "5eed",
    )


def prompt_of(request: Request, notes: tuple[str, ...] = (), exact: bool = True) -> Prompt:
    """The ChatML prompt of a request; a token may straddle scaffold and text, as real ones do."""
    scaffold = Origin("scaffold")
    parts: list[tuple[str, Origin]] = []
    for m, message in enumerate(request.messages):
        parts += [(START, scaffold), (f"{message.role}\n", scaffold)]
        for p, part in enumerate(message.parts):
            passage = isinstance(part, Text) and part.source is not None
            parts.append((_words(part), Origin("passage" if passage else "message", m, p)))
        if m == 0:
            for t, tool in enumerate(request.tools):
                spec = f'{{"name": "{tool.name}", "description": "{tool.description}"}}'
                parts += [("\n", scaffold), (spec, Origin("tool", tool=t))]
        parts += [(END, scaffold), ("\n", scaffold)]
    if request.generation_prompt:
        opening = Origin("generation")
        parts += [(START, opening), ("assistant\n", opening)]
    return _assemble(parts, request, notes, exact)


def _words(part: Part) -> str:
    match part:
        case ToolCall(_, name, arguments):
            return f'{{"name": "{name}", "arguments": {arguments}}}'
        case Text(text) | ToolResult(_, _, text):
            return text
    raise AssertionError(part)


def _assemble(
    parts: Sequence[tuple[str, Origin]], request: Request, notes: tuple[str, ...], exact: bool
) -> Prompt:
    text = "".join(words for words, _ in parts)
    spans, controls, at = [], [], 0
    for words, origin in parts:
        if words in SPECIALS and origin.kind in ("scaffold", "generation"):
            controls.append(at)
        if spans and spans[-1].origin == origin:
            spans[-1] = Span(spans[-1].start, at + len(words), origin)
        elif words:
            spans.append(Span(at, at + len(words), origin))
        at += len(words)
    ids, pieces, offsets, special = [], [], [], []
    at = 0
    for control in [*controls, len(text)]:
        for number, piece, start, end in tokenize(text[at:control]):
            ids.append(number)
            pieces.append(piece)
            offsets.append((at + start, at + end))
            special.append(False)
        if control < len(text):
            spelling = START if text.startswith(START, control) else END
            ids.append(SPECIALS[spelling])
            pieces.append(spelling.encode())
            at = control + len(spelling)
            offsets.append((control, at))
            special.append(True)
    owners = [i for i, span in enumerate(spans) for _ in range(span.start, span.end)]
    origins = tuple(tuple(dict.fromkeys(owners[start:end])) for start, end in offsets)
    encoding = Encoding(
        text, tuple(ids), tuple(pieces), tuple(offsets), tuple(special), vocabulary="5eed"
    )
    roles = tuple(message.role for message in request.messages)
    return Prompt(encoding, tuple(spans), origins, roles, exact, notes)


def reply_of(
    text: str,
    shares: Sequence[float | None] = (),
    nearly: Sequence[tuple[str, float]] = (),
    finish: str = "stop",
    usage: Usage | None = None,
) -> Reply:
    """A reply whose tokens have these probabilities in turn (then 0.97), alternatives on all."""
    tokens = []
    for i, (number, piece, _, _) in enumerate(tokenize(text)):
        share = shares[i] if i < len(shares) else 0.97
        logprob = None if share is None else math.log(share)
        chosen = Candidate(number, piece, logprob)
        rest = [
            Candidate(next(tokenize(word))[0], word.encode(), math.log(other))
            for word, other in nearly
        ]
        tokens.append(ReplyToken(number, piece, logprob, (chosen, *rest)))
    end = ReplyToken(SPECIALS[END], END.encode(), math.log(0.99))
    tokens += [end] if finish == "stop" else []
    usage = usage or Usage(fresh=0, output=len(tokens))
    return Reply(text_message("assistant", text), finish, usage, tuple(tokens))  # type: ignore[arg-type]


def receipt_of(request: Request, reply: Reply, cached: int = 0, **more: object) -> Receipt:
    prompt = prompt_of(request)
    usage = Usage(len(prompt) - cached, cached, output=len(reply.tokens))
    reply = Reply(reply.message, reply.finish, usage, reply.tokens, reply.error)
    values: dict[str, object] = {
        "id": "01KAMP4J3Q8Z5V0T6Y2N9C7D1E",
        "created": 1763772372.0,
        "model": "qwen2.5-coder-0.5b-instruct",
        "conversation": "01KAMP4J3Q8Z5V0T6Y2N9C7D00",
        "prompt": prompt,
        "timings": Timings(total=0.78, first_token=0.31, reading=129.4, writing=24.2),
        "window": 32768,
        "versions": {
            "model file": "7671c0c304e6ce5a7fc577bcb12aba01e2c155cc2efd29b2213c95b18edaf6ed",
            "template": "cd8e9439f0570856fd70470bf8889ebd8b5d1107207f67a5efb46e342330527f",
            "pellucid": "0.1.0",
            "engine": "llama.cpp b6100 (xllamacpp 2026.10)",
        },
        "settings": {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "seed": 4261},
    }
    return Receipt(request=request, reply=reply, **{**values, **more})  # type: ignore[arg-type]


def second_turn() -> Receipt:
    """The conversation that recalls a name: two messages replayed, one new."""
    request = Request(
        (
            text_message("system", "You are a helpful assistant"),
            text_message("user", "Hi! I'm Stephen!"),
            text_message("assistant", "Hello Stephen! How can I help you today?"),
            text_message("user", "What's my name?"),
        ),
        options=Options(temperature=0.7),
    )
    reply = reply_of(
        "Your name is Stephen.",
        (0.83, 0.998, 0.9999, 0.44, None),
        ((" Stephen", 0.31), ("It", 0.09), (" 日", 0.0004)),
    )
    return receipt_of(request, reply, cached=30, replayed_messages=3)


HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "</script></title></style>&lt;b&gt; <|im_end|> \x1b[31mred\x1b[0m \x07\x00\u202eevil\u202c "
    "\u200b\U000e0041 שלום e\u0301 日本語 👩‍💻 \t|\r\n\u2028end"
)


def hostile() -> Receipt:
    """Every field a stranger can write in holds markup, control characters and odd Unicode."""
    request = Request(
        (
            text_message("system", "\nYou are a weather assistant" + HOSTILE),
            Message("user", (Text(HOSTILE), Text(HOSTILE, source=f"https://x.test/{HOSTILE}"))),
            Message(
                "assistant", (ToolCall("c1", f"weather{HOSTILE}", f'{{"city": "{HOSTILE}"}}'),)
            ),
            Message("tool", (ToolResult("c1", f"weather{HOSTILE}", HOSTILE, failed=True),)),
        ),
        tools=(ToolSpec(f"weather{HOSTILE}", HOSTILE),),
    )
    reply = reply_of(HOSTILE, (0.5, 0.05), ((HOSTILE, 0.2),))
    reply = Reply(reply.message, "cut", reply.usage, reply.tokens, error=HOSTILE)
    return receipt_of(
        request,
        reply,
        model=f"model{HOSTILE}",
        memory=Memory(f"fit{HOSTILE}", (text_message("user", HOSTILE),)),
        versions={f"engine{HOSTILE}": HOSTILE},
        settings={f"seed{HOSTILE}": HOSTILE},
        notes=(HOSTILE,),
    )


def long(tokens: int) -> Receipt:
    """A prompt of about so many tokens, in turns of about a thousand."""
    sentence = "The weather in Paris is light wind from the west.\n"
    turn = sentence * (1000 // len(list(tokenize(sentence))))
    size = len(list(tokenize(turn))) + 5
    roles = ["user", "assistant"] * (tokens // size // 2 + 1)
    messages = tuple(text_message(role, turn) for role in roles)  # type: ignore[arg-type]
    return receipt_of(Request(messages), reply_of(turn, (0.4, 0.8)), cached=200, window=131072)
