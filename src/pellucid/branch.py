"""Going on from inside a reply: its first tokens are kept, one is exchanged, the model goes on.

The prompt is the one that was sent, followed by the ids of the kept tokens and of the chosen one;
nothing is rendered or tokenized again. So only a model that is given ids can do it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from .calls import Call
from .errors import CannotExpress, UsageError
from .messages import Options, Produced, Request
from .models.base import Model
from .prompt.budget import require_fit
from .prompt.replay import gone_on, produced
from .prompt.values import Prompt
from .record.receipt import Receipt
from .replies import Candidate, Event, Finish, Notice, Progress, ReplyToken, TextDelta
from .tokens.encoding import Tokenizer
from .turn import Turn
from .value import value

if TYPE_CHECKING:
    from .chat import Chat


@runtime_checkable
class TakesIds(Protocol):
    """A model whose prompt is a row of ids of this tokenizer."""

    @property
    def tokenizer(self) -> Tokenizer: ...


@value
class Branch:
    """The beginning of a reply as it is to be: `tokens`, the chosen one last, spell `text`.

    `request` and `prompt` are what is sent, `note` is for the receipt.
    """

    receipt: Receipt
    request: Request
    prompt: Prompt
    tokens: tuple[ReplyToken, ...]
    text: str
    note: str


def plan(model: Model, receipt: Receipt, token: int, id: int) -> Branch:
    """What is sent to go on from `receipt` as if token number `token` of its reply had been `id`.

    Raises `CannotExpress` where the model takes no ids, `UsageError` where the reply is not plain
    words of this vocabulary up to there, `TokenError` for an id outside of it, `PromptTooLong`.
    """
    prompt, reply = receipt.prompt, receipt.reply
    if prompt is None or receipt.exchange is not None or not isinstance(model, TakesIds):
        raise CannotExpress(
            "the first ids of a reply",
            model.name,
            "Its host takes messages and begins every reply anew; a model on this machine can go "
            "on from inside one.",
        )
    tokenizer = model.tokenizer
    if prompt.encoding.vocabulary != tokenizer.fingerprint:
        raise UsageError(
            f"The reply was written by {receipt.model}; {model.name} has another vocabulary, in "
            "which its ids mean something else. Open the model that wrote it."
        )
    if receipt.request.response_format is not None:
        raise UsageError(
            "This reply was held to a schema from its first token on; it cannot be gone on with "
            "from inside. Ask again without the schema."
        )
    if not 0 <= token < len(reply.tokens):
        raise UsageError(
            f"There is no token {token} in this reply: it has {len(reply.tokens):,}, counted "
            "from 0."
        )
    if id in tokenizer.end_ids:
        raise UsageError("That token ends the reply; there is nothing to go on with after it.")
    kept = reply.tokens[:token]
    tokens = (*kept, _chosen(reply.tokens[token], id, tokenizer.piece(id)))
    before = b"".join(each.piece for each in kept)
    if not all(each.exact for each in kept) or not reply.text.encode().startswith(before):
        raise UsageError(
            "The ids of this reply are not known for certain up to there, or it calls a tool; only "
            "words can be gone on with. Choose an earlier token, or `retry` the turn."
        )
    text = _text(before + tokens[-1].piece)
    options = receipt.request.options
    if options.max_tokens is not None:
        spent = len(tokens) - produced(prompt)  # the receipt may be that of a branch itself
        options = replace(options, max_tokens=max(options.max_tokens - spent, 1))
    prompt = gone_on(prompt, tokenizer, [each.id for each in tokens])
    if model.window is not None:
        require_fit(prompt, model.window, options.max_tokens)
    was, now = (repr(_shown(each)) for each in (reply.tokens[token], tokens[-1]))
    note = (
        f"Branched from receipt {receipt.id} at token {token:,} of its reply: {now} (id {id}) in "
        f"place of {was} (id {reply.tokens[token].id}); the tokens before it are kept."
    )
    request = replace(receipt.request, options=options)
    return Branch(receipt, request, prompt, tokens, text, note)


def _chosen(was: ReplyToken, id: int, piece: bytes) -> ReplyToken:
    """The token with this id where `was` stood: there it had the same alternatives."""
    found = next((c for c in (*was.alternatives, _candidate(was)) if c.id == id), None)
    return ReplyToken(id, piece, found.logprob if found else None, was.alternatives)


def _candidate(token: ReplyToken) -> Candidate:
    return Candidate(token.id, token.piece, token.logprob)


def _text(spelled: bytes) -> str:
    try:
        return spelled.decode()
    except UnicodeDecodeError:
        raise UsageError(
            "That token ends inside a character, and the reply can only be gone on with after a "
            "whole one. Choose another token."
        ) from None


def _shown(token: ReplyToken) -> str:
    return token.piece.decode("utf-8", "backslashreplace")


class BranchTurn(Turn):
    """The turn of a branch; should the reply call tools, it goes on as any other."""

    def __init__(self, chat: Chat, branch: Branch) -> None:
        super().__init__(chat, branch.request.messages[-1])
        self._branch: Branch | None = branch

    def _call(self, tool_choice: str = "auto") -> Generator[Event, None, None]:
        if self._branch is None:
            yield from super()._call(tool_choice)
            return
        branch, self._branch = self._branch, None
        yield from self._follow(
            Call(
                _GoesOn(self.chat.model, branch),
                branch.request,
                branch.prompt,
                conversation=branch.receipt.conversation,
                parent=branch.receipt.id,
                memory=branch.receipt.memory,
                replayed=len(branch.request.messages),
                notes=(branch.note,),
                keep=self._keep,
            )
        )


class _GoesOn:
    """A model whose next reply begins with the tokens of a branch."""

    def __init__(self, model: Model, branch: Branch) -> None:
        self.name = model.name
        self.window = model.window
        self._model = model
        self._branch = branch

    def settle(self, options: Options) -> Options:
        return self._model.settle(options)

    def prepare(self, request: Request) -> Prompt | None:
        return self._model.prepare(request)

    def settings(self) -> Mapping[str, Any]:
        return self._model.settings()

    def versions(self) -> Mapping[str, str]:
        return self._model.versions()

    def stream(self, request: Request, prompt: Prompt | None) -> Iterator[Event]:
        """The model's events; before its first word the words it goes on from."""
        begun = False
        events = cast(Generator[Event, None, None], self._model.stream(request, prompt))
        with closing(events):
            for event in events:
                if not begun and not isinstance(event, Progress | Notice):
                    begun = True
                    yield TextDelta(self._branch.text, self._branch.tokens)
                yield self._whole(event) if isinstance(event, Finish) else event

    def _whole(self, finish: Finish) -> Finish:
        """The end, with the ids of the whole reply."""
        if finish.produced is None:
            return finish
        before = tuple(token.id for token in self._branch.tokens)
        ids = (*before, *finish.produced.ids)
        return replace(finish, produced=Produced(ids, finish.produced.vocabulary))
