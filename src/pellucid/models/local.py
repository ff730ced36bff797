"""A model file on this machine, answered by the engine. The engine is given the ids of the
prompt, never its text, and answers with ids."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..engine import client, process
from ..errors import EngineStopped, UsageError
from ..messages import Options, Request, ToolCall, ToolResult
from ..prompt.build import build
from ..prompt.values import Prompt
from ..replies import Event, Notice, ReplyToken
from ..settings import Folders, Settings
from . import constraints, sampling, steering
from .base import Stopped, never
from .call_formats import format_of
from .card import Card
from .decoding import Decoder, Splitter
from .stop import StopScanner
from .told import Told, described, in_words
from .tool_calls import CallScanner


class LocalModel:
    """One GGUF file. Nothing is started or read before it is needed."""

    def __init__(
        self,
        card: Card,
        settings: Settings,
        folders: Folders,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.card = card
        self.name = card.name
        self._settings = settings
        self._folders = folders
        self._say = say
        self.steers = card.path.stat().st_size < STEERED
        """Whether a message is first asked about: does it need a tool? See `steering`."""
        self._tokenizer: Splitter | None = None
        self._engine: process.Engine | None = None

    @property
    def window(self) -> int:
        return min(self._settings.window or self.card.window, self.card.trained_window)

    @property
    def tokenizer(self) -> Splitter:
        if self._tokenizer is None:
            self._tokenizer = self.card.tokenizer(lambda: self.engine().address)
        return self._tokenizer

    def settle(self, options: Options) -> Options:
        return sampling.settle(options, self._settings.alternatives)

    def prepare(self, request: Request) -> Prompt:
        told = self._told(request)
        prompt = build(
            told.request if told else request,
            template=self.card.template,
            tokenizer=self.tokenizer,
            bos_text=self.card.bos_text,
            eos_text=self.card.eos_text,
            add_bos=self.card.add_bos,
            codes=self._folders.templates,
        )
        if told:
            prompt = told.original(prompt, request.messages)
        notes = self.card.notes
        if self._settings.window > self.window:
            notes = (
                *notes,
                f"A window of {self._settings.window:,} tokens was asked for; the model was "
                f"trained for {self.window:,}, and that is used.",
            )
        return replace(prompt, notes=(*prompt.notes, *notes)) if notes else prompt

    def _told(self, request: Request) -> Told | None:
        """The request with its tools in words, where the template has no place for tools, or a
        small model is to answer in words."""
        called = any(
            isinstance(part, ToolCall | ToolResult)
            for message in request.messages
            for part in message.parts
        )
        if not (request.tools or called):
            return None
        offered = request.tools and request.tool_choice != "none"
        if not offered and self.steers:
            return in_words(request)
        if "tools" in (self.card.template or ""):
            return None
        return described(request) if offered else in_words(request)

    def settings(self) -> Mapping[str, Any]:
        """Threads, why so many, and the batch (tokens read at a time) of the engine last used."""
        engine = self._engine
        if engine is None:
            return {}
        return {"threads": engine.threads, "threads_why": engine.why_threads, "batch": engine.batch}

    def versions(self) -> Mapping[str, str]:
        engine = {"engine": self._engine.version} if self._engine else {}
        return {**self.card.versions(), **engine}

    def engine(self) -> process.Engine:
        """The engine of this model, started if need be."""
        model = process.EngineModel(self.card.path, self.window)
        self._engine = process.ensure(model, self._settings, self._folders, self._say)
        return self._engine

    def stream(self, request: Request, prompt: Prompt | None) -> Iterator[Event]:
        prompt = prompt or self.prepare(request)
        options = self.settle(request.options)
        if options.effort not in (None, "none") or options.thinking_tokens:
            yield Notice(f"{self.name} cannot be told how much to think; that was left out.")
        decoder = Decoder(self.tokenizer, StopScanner(options.stop), len(prompt))
        body = _body(prompt.ids, options, self.window - len(prompt))
        if request.response_format is not None:
            # Decoding is constrained: a token that would leave the schema is never sampled.
            body["json_schema"] = request.response_format.schema or {"type": "object"}
        scanner = None
        if request.tools and (held := self._held(request)) is not None:
            body.pop("json_schema", None)
            body |= held
            if request.tool_choice != "none":
                names = [tool.name for tool in request.tools]
                scanner = CallScanner(names, format_of(self.card.template), options.seed)
        chunks = self._chunks(body)
        try:
            for chunk in chunks:
                for event in decoder.events(chunk):
                    yield from scanner.events(event) if scanner else (event,)
                if decoder.finished:
                    return
        finally:
            chunks.close()

    def _held(self, request: Request) -> Mapping[str, Any] | None:
        """What the reply of a request with tools is held to."""
        form, several = format_of(self.card.template), request.parallel_tools is not False
        match request.tool_choice:
            case "none":  # of tools that the prompt does not speak of, nothing need be forbidden
                return None if self.steers else constraints.WORDS
            case "auto":
                return constraints.calls_once_begun(request.tools, form, several=several)
            case choice:
                tools = [tool for tool in request.tools if choice in ("required", tool.name)]
                if not tools:
                    raise UsageError(f"{choice} is to be called, and no such tool is offered.")
                # Chance decides how an answer is worded, not what a small model calls.
                held = constraints.calls(tools, form, several=several)
                return {**held, "temperature": 0} if self.steers else held

    def steer(self, request: Request, stopped: Stopped = never) -> tuple[Request, tuple[str, ...]]:
        """Whether the newest message needs a tool, settled before the prompt is made: the request
        with its `tool_choice`, and a note of why. A larger model is left to choose by itself.
        Once `stopped`, the request is left as it is."""
        if not (self.steers and request.tools and request.tool_choice == "auto"):
            return request, ()
        if any(isinstance(part, ToolResult) for part in request.messages[-1].parts):
            min_p = max(request.options.min_p or 0, LIKELY)
            options = replace(request.options, min_p=min_p)
            return replace(request, tool_choice="none", options=options), (ANSWERED,)
        asked = steering.question(request)
        if asked is None:
            return request, ()
        bos = (self.tokenizer.bos,) if self.card.add_bos and self.tokenizer.bos is not None else ()
        ids = (*bos, *self.tokenizer.encode(asked).ids)
        tokens = self._next_tokens(ids, stopped)
        if tokens is None:
            return request, ()
        need = steering.need(tokens, request.tools)
        needed = need >= steering.ENOUGH
        choice, held = ("required", "the likeliest call") if needed else ("none", WITHOUT)
        note = (
            f"Asked beforehand whether this message needs a tool ({len(ids):,} tokens, most of "
            f"them cached), the model says {need:.0%}, and {steering.ENOUGH:.0%} is enough: the "
            f"reply was held to {held}."
        )
        return replace(request, tool_choice=choice), (note,)

    def _next_tokens(self, ids: Sequence[int], stopped: Stopped) -> dict[str, float] | None:
        """The likeliest tokens after `ids`, with their log probabilities; `None` once `stopped`."""
        body = {
            "prompt": ids,
            "n_predict": 1,
            "n_probs": steering.DEPTH,
            "temperature": 0,
            "stream": True,
            "cache_prompt": True,
            "return_progress": True,
        }
        entries: list[dict[str, Any]] = []
        with contextlib.closing(self._chunks(body)) as chunks:
            for chunk in chunks:
                if stopped():
                    return None
                entries += chunk.get("completion_probabilities", ())
        return {
            self.tokenizer.piece(top["id"]).decode("utf-8", "replace"): top["logprob"]
            for top in (entries[0]["top_logprobs"] if entries else ())
        }

    def _chunks(self, body: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
        """The engine's stream. An engine that died since it was last used is started again, but
        never once it has answered."""
        engine = self.engine()
        began = False
        try:
            for chunk in client.stream(engine.address, "/completion", body):
                began = True
                yield chunk
            return
        except EngineStopped as error:
            process.bury(engine, error)
            if began:
                raise EngineStopped(
                    f"{error} The part received is kept; the next message starts it again."
                ) from error
        yield from client.stream(self.engine().address, "/completion", body)

    def score(self, prompt: Sequence[int], reply: Sequence[ReplyToken]) -> Iterator[ReplyToken]:
        """The tokens of a reply, those without a probability now with one.

        A token costs one step of the engine; what stands before it comes from its cache.
        """
        ids = list(prompt)
        decoder = Decoder(self.tokenizer, StopScanner(()), len(ids))
        for token in reply:
            yield token if token.logprob is not None else self._score(ids, token, decoder)
            ids.append(token.id)

    def _score(self, ids: list[int], token: ReplyToken, decoder: Decoder) -> ReplyToken:
        # The engine keeps quiet about a token that ends inside a character. Whichever token it
        # samples, it reports the probabilities from before, so it is made to sample a full stop.
        stop = self.tokenizer.encode(".").ids[-1]
        body = {
            "prompt": ids,
            "n_predict": 1,
            "n_probs": SCORE_DEPTH,
            "logit_bias": [[stop, 1000]],
            "cache_prompt": True,
        }
        answer = client.call(self.engine().address, "/completion", body)
        candidates = decoder.candidates(answer["completion_probabilities"][0])
        found = next((c.logprob for c in candidates if c.id == token.id), None)
        wanted = self._settings.alternatives or 5
        return replace(token, logprob=found, alternatives=candidates[:wanted])


WITHOUT = "words, without tools"
LIKELY = 0.3
"""`min_p` where a small model answers from results: a first word as unlikely as "To", where
"According" is fifteen times likelier, leads it away from them."""
ANSWERED = (
    "The tools have answered: the reply was held to words, likely ones (min_p), and told the "
    "results in words."
)
STEERED = 2 * 2**30
"""Bytes: models in smaller files, of some three billion parameters, call tools needlessly."""
SCORE_DEPTH = 1000
"""How far down the ranking a produced token is looked for when a reply is scored again."""


def _body(ids: Sequence[int], options: Options, room: int) -> dict[str, Any]:
    return {
        "prompt": ids,
        "n_predict": room if options.max_tokens is None else min(options.max_tokens, room),
        "n_probs": options.alternatives,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "min_p": options.min_p,
        "seed": options.seed,
        "frequency_penalty": options.frequency_penalty or 0,
        "presence_penalty": options.presence_penalty or 0,
        "stream": True,
        "cache_prompt": True,
        "return_tokens": True,
        # Without it llama.cpp does not notice during prefill that its client went away.
        "return_progress": True,
    }
