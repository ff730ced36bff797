"""Receipts of made-up conversations, as large and as varied as real ones, for tests of the store.

Words follow Zipf's law, as in language: a few are everywhere, most are rare. Candidates and their
probabilities are drawn anew for every token, so nothing here packs better than the real thing.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import accumulate

from pellucid.messages import Message, Options, Produced, Request, Text, text_message
from pellucid.prompt.values import Origin, Prompt, Span
from pellucid.record.receipt import Receipt, Timings
from pellucid.replies import Candidate, Reply, ReplyToken, Usage
from pellucid.tokens.encoding import Encoding

SIZE = 50_000
START, END, LINE, ROLES = SIZE, SIZE + 1, SIZE + 2, {"system": SIZE + 3, "user": SIZE + 4}
CONTROLS = {START: b"<|im_start|>", END: b"<|im_end|>"}
FINGERPRINT = "f1" * 16
SYLLABLES = [c + v for c in "bcdfghklmnprstvw" for v in ("a", "e", "i", "o", "u", "an", "er")]
SHARES = list(accumulate(1 / (rank + 3) for rank in range(SIZE)))


@cache
def piece(id: int) -> bytes:
    """The bytes of an id: a word with a blank before it, or a control token."""
    if id in CONTROLS:
        return CONTROLS[id]
    if id >= LINE:
        return {LINE: b"\n", LINE + 1: b"system", LINE + 2: b"user", LINE + 3: b"assistant"}[id]
    word = ""
    id += 1
    while id:
        id, rest = divmod(id, len(SYLLABLES))
        word += SYLLABLES[rest]
    return b" " + word.encode()


def words(chance: random.Random, count: int) -> list[int]:
    return chance.choices(range(SIZE), cum_weights=SHARES, k=count)


def text_of(ids: list[int] | tuple[int, ...]) -> str:
    return b"".join(map(piece, ids)).decode()


def conversation(
    seed: int, turns: int, reply_tokens: int = 150, user_tokens: int = 30, alternatives: int = 5
) -> Iterator[Receipt]:
    """The receipts of a conversation, each with all that went before in its prompt."""
    chance = random.Random(seed)
    system = words(chance, 12)
    history = [(text_message("system", text_of(system)), system)]
    parent = None
    conversation = f"{seed:010}C{0:015}"
    for turn in range(turns):
        asked = words(chance, user_tokens)
        history.append((text_message("user", text_of(asked)), asked))
        request = Request(
            tuple(message for message, _ in history), options=Options(alternatives=alternatives)
        )
        reply = reply_of(chance, reply_tokens, alternatives)
        prompt = prompt_of(history, replayed=sum(len(ids) for _, ids in history[2:-1:2]))
        receipt = Receipt(
            id=f"{seed:010}R{turn:015}",
            created=1_700_000_000 + seed + chance.random(),
            model="qwen2.5-coder-0.5b-instruct-q4_k_m",
            conversation=conversation,
            request=request,
            prompt=prompt,
            reply=replace(reply, usage=Usage(len(prompt), 0, 0, reply_tokens)),
            timings=Timings(chance.random(), chance.random(), 100 * chance.random(), 25.1),
            window=32768,
            parent=parent,
            versions={"model file": "76" * 32, "template": "cd" * 32, "pellucid": "0.1.0"},
            settings={"temperature": 0.7, "top_p": 0.8, "seed": chance.getrandbits(32)},
            replayed_messages=len(history) - 1 if turn else 0,
        )
        parent = receipt.id
        yield receipt
        history.append((reply.message, [token.id for token in reply.tokens[:-1]]))


def reply_of(chance: random.Random, count: int, alternatives: int = 5) -> Reply:
    """A reply of `count` tokens, the last of which ends it."""
    ids = words(chance, count - 1)
    tokens = tuple(_token(chance, id, alternatives) for id in [*ids, END])
    message = Message("assistant", (Text(text_of(ids)),), Produced(tuple(ids), FINGERPRINT))
    return Reply(message, "stop", Usage(output=count), tokens)


def _token(chance: random.Random, id: int, alternatives: int) -> ReplyToken:
    nearly = [other for other in words(chance, alternatives) if other != id]
    first = math.log(chance.random())
    logprobs = [first, *(first - 12 * chance.random() for _ in nearly)]
    rows = [
        Candidate(other, piece(other), half(logprob))
        for other, logprob in zip([id, *nearly], logprobs, strict=True)
    ]
    # One in twelve is so unlikely that it is not among the first.
    listed = rows[1:] if chance.random() < 1 / 12 else rows[:alternatives]
    return ReplyToken(id, piece(id), rows[0].logprob, tuple(listed))


def prompt_of(history: list[tuple[Message, list[int]]], replayed: int = 0) -> Prompt:
    """The ChatML prompt of messages and their ids."""
    scaffold = Origin("scaffold")
    parts: list[tuple[Origin, list[int]]] = []
    for i, (message, ids) in enumerate(history):
        role = ROLES.get(message.role, SIZE + 5)
        opening = [START, role, LINE] if i == 0 else [END, LINE, START, role, LINE]
        parts += [(scaffold, opening), (Origin("message", i, 0), ids)]
    parts += [(scaffold, [END, LINE]), (Origin("generation"), [START, SIZE + 5, LINE])]
    ids, offsets, spans, origins = [], [], [], []
    at = 0
    for origin, own in parts:
        start = at
        for id in own:
            offsets.append((at, at + len(piece(id))))
            at += len(piece(id))
        ids += own
        origins += [(len(spans),)] * len(own)
        spans.append(Span(start, at, origin))
    encoding = Encoding(
        text_of(ids),
        tuple(ids),
        tuple(map(piece, ids)),
        tuple(offsets),
        tuple(id in CONTROLS for id in ids),
        FINGERPRINT,
    )
    roles = tuple(message.role for message, _ in history)
    return Prompt(encoding, tuple(spans), tuple(origins), roles, True, replayed=replayed)


def half(logprob: float | None) -> float | None:
    """A log-probability as the store keeps it."""
    return None if logprob is None else struct.unpack("<e", struct.pack("<e", logprob))[0]


def rounded(receipt: Receipt) -> Receipt:
    """The receipt with its log-probabilities as the store keeps them."""
    tokens = tuple(
        replace(
            token,
            logprob=half(token.logprob),
            alternatives=tuple(replace(c, logprob=half(c.logprob)) for c in token.alternatives),
        )
        for token in receipt.reply.tokens
    )
    return replace(receipt, reply=replace(receipt.reply, tokens=tokens))
