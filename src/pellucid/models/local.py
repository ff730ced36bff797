"""A model file on this machine, answered by the engine. The engine is given the ids of the
prompt, never its text, and answers with ids."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..engine import client, process
from ..errors import EngineStopped
from ..messages import Options, Request
from ..prompt.build import build
from ..prompt.values import Prompt
from ..replies import Event, Notice, ReplyToken
from ..settings import Folders, Settings
from . import sampling
from .card import Card
from .decoding import Decoder, Splitter
from .stop import StopScanner


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
        prompt = build(
            request,
            template=self.card.template,
            tokenizer=self.tokenizer,
            bos_text=self.card.bos_text,
            eos_text=self.card.eos_text,
            add_bos=self.card.add_bos,
            codes=self._folders.templates,
        )
        notes = self.card.notes
        if self._settings.window > self.window:
            notes = (
                *notes,
                f"A window of {self._settings.window:,} tokens was asked for; the model was "
                f"trained for {self.window:,}, and that is used.",
            )
        return replace(prompt, notes=(*prompt.notes, *notes)) if notes else prompt

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
        chunks = self._chunks(body)
        try:
            for chunk in chunks:
                yield from decoder.events(chunk)
                if decoder.finished:
                    return
        finally:
            chunks.close()

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
