"""Speech and transcriptions: by the parts of this machine, or by a model at a host."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ..dialects import openai_responses, openai_speech, openai_transcription
from ..dialects.base import Outgoing
from ..dialects.form import File, Form, encode_form
from ..errors import BadRequest, UnknownModel, UsageError
from ..messages import Media, Text
from ..models.asking import ask, ask_sound
from ..models.hosted import HostedModel
from ..models.hosts import Target
from ..speech import hearing, speaking
from .http_response import Response, Stream
from .kept import Kept, reported
from .visit import Visit

SPEAKING, HEARING = "pellucid/speech", "pellucid/hearing"
"""Their queues, among those of models."""
MOST = 1 << 20
"""Bytes of a sound that its receipt keeps; of a longer one it tells."""
Heard = tuple[Kept, openai_transcription.Transcript]
T = TypeVar("T")


async def speech(visit: Visit) -> Response | None:
    """Text read aloud; its sound is sent as it is made, where the format allows that."""
    asked = openai_speech.decode_speech_request(await visit.body())
    request = asked.request
    if not request.text.strip():
        raise BadRequest("input is empty; there is nothing to read aloud.", "input")
    media = openai_speech.FORMATS[request.format]
    wish = {"voice": request.voice, "format": request.format, "speed": request.speed}
    words = Text(request.text)
    model = await _meant(visit, asked.model, speaking.NAMES)
    if isinstance(model, HostedModel):
        name, settings = model.target.model, visit.server.settings
        outgoing = openai_speech.encode_speech_request(request, name)
        with Kept(visit, "speech", model, words, notes=asked.notes, settings=wish) as kept:
            sound = await _run(
                visit, lambda: ask_sound(model.endpoint, name, outgoing, settings, kept.watch)
            )
            kept.made = f"{len(sound):,} bytes of {media}"
        return Response(sound, headers=kept.receipt_header, media=media)
    slot = await visit.server.part(SPEAKING).enter(visit.client)
    try:
        with Kept(visit, "speech", speaking.VOICE, words, notes=asked.notes, settings=wish) as kept:
            if request.instructions:
                kept.note("instructions mean nothing here and were left out.")
            voice = await _run(visit, lambda: speaking.open_voice(visit.server.settings))
            pieces = speaking.spoken(voice, request.text, request.format, request.speed)
            stream = Stream(visit.request, media, kept.receipt_header)
            size = 0
            while (piece := await _run(visit, lambda: next(pieces, None))) is not None:
                if piece:
                    size += len(piece)
                    kept.made = f"{size:,} bytes of {media}"
                    await stream.send(piece, visit.server.limits.write)
            await stream.end()
    finally:
        slot.give_back()
    return None


async def transcriptions(visit: Visit) -> Response | None:
    """Speech written down."""
    form = await visit.form()
    file = form.files.get("file")
    if file is None:
        raise BadRequest("file is missing; it must be a sound.", "file")
    media = Media("audio", file.mime, file.data, name=file.name)
    asked = openai_transcription.decode_transcription_request(form.fields, media)
    model = await _meant(visit, asked.model, hearing.NAMES)
    if isinstance(model, HostedModel):
        kept, found = await _heard_there(visit, model, asked, file)
    else:
        kept, found = await _heard_here(visit, model, asked)
    text = openai_transcription.encode_transcript(found, asked.format)
    return Response(
        text.encode(),
        headers=kept.receipt_header,
        media=openai_transcription.FORMATS[asked.format],
    )


def _kept(
    visit: Visit, model: HostedModel | str, asked: openai_transcription.IncomingTranscription
) -> Kept:
    request, sound = asked.request, asked.request.audio
    wish = {
        "language": request.language,
        "prompt": request.prompt,
        "temperature": request.temperature,
    }
    size = len(sound.data or b"")
    part = sound if size <= MOST else replace(sound, data=None)
    kept = Kept(visit, "transcription", model, part, notes=asked.notes, settings=wish)
    if part is not sound:
        kept.note(f"The sound, {size:,} bytes, is not kept: it is longer than {MOST:,}.")
    return kept


def _told(kept: Kept, found: openai_transcription.Transcript) -> Heard:
    kept.text = found.text
    if found.duration is not None:
        kept.made = f"{found.duration:.1f} seconds of sound"
    return kept, found


async def _heard_here(
    visit: Visit, name: str, asked: openai_transcription.IncomingTranscription
) -> Heard:
    gone = threading.Event()
    request = asked.request
    sound = request.audio.data or b""
    slot = await visit.server.part(HEARING).enter(visit.client)

    def work() -> openai_transcription.Transcript:
        whisper = hearing.open_whisper(name, visit.server.settings)
        return whisper.write_down(
            sound,
            language=request.language,
            prompt=request.prompt,
            temperature=request.temperature,
            words=request.words,
            stopped=gone.is_set,
        )

    def ended(each: asyncio.Future[openai_transcription.Transcript]) -> None:
        each.exception()  # asked for, also where nobody waits any more
        slot.give_back()

    heard = asyncio.wrap_future(visit.server.threads.submit(work))
    heard.add_done_callback(ended)
    try:
        with _kept(visit, hearing.model_called(name), asked) as kept:
            # What nobody waits for any more goes on for a while: the next comes only behind it.
            return _told(kept, await asyncio.shield(heard))
    finally:
        gone.set()


async def _heard_there(
    visit: Visit,
    model: HostedModel,
    asked: openai_transcription.IncomingTranscription,
    file: File,
) -> Heard:
    name, settings = model.target.model, visit.server.settings
    plain = asked.format in ("json", "text")
    fields = openai_transcription.encode_transcription_request(
        asked.request, name, "json" if plain else "verbose_json"
    )
    form = encode_form(Form(fields, {"file": file}))
    outgoing = Outgoing("audio/transcriptions", {}, form=form)
    with _kept(visit, model, asked) as kept:
        body = await _run(visit, lambda: ask(model.endpoint, name, outgoing, settings, kept.watch))
        kept.usage = reported(body)
        return _told(kept, openai_transcription.decode_transcript(body))


async def _meant(visit: Visit, name: str, own: Sequence[str]) -> HostedModel | str:
    """What a name means: a model at a host, or a part of this machine by one of its `own` names,
    the first of which, with a default, any other name means too. Raises `UnknownModel`."""
    models = visit.server.models
    known = models.known(name)
    if isinstance(known, Target):
        model = await visit.model(name)
        assert isinstance(model, HostedModel)
        if model.dialect.NAME not in ("openai", openai_responses.NAME):
            raise UsageError(f"{known.host.name} has neither speech nor transcriptions.")
        return model
    for each in (known or "", name):
        if each.lower() in own:
            return each.lower()
    if models.default is None:
        raise UnknownModel(name, instead=f"For this there are {', '.join(own)}, and hosts' models.")
    return own[0]


async def _run(visit: Visit, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(visit.server.threads, work)
