"""Speech and transcriptions: by the parts of this machine, or by a model at a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..dialects import openai_responses, openai_speech, openai_transcription
from ..dialects.base import Outgoing
from ..dialects.form import File, Form, encode_form
from ..errors import BadRequest, UsageError
from ..messages import Media, Text
from ..models.hosted import HostedModel
from ..models.hosts import Target
from ..speech import hearing, speaking
from .http_response import Response, Stream
from .kept import Kept, reported
from .turns import Turn, at_host
from .visit import Visit

SPEAKING, HEARING = "pellucid/speech", "pellucid/hearing"
"""Their queues, among those of models."""
MOST = 1 << 20
"""Bytes of a sound that its receipt keeps; of a longer one it tells."""
Heard = tuple[Kept, openai_transcription.Transcript]


async def speech(visit: Visit) -> Response | None:
    """Text read aloud; its sound is sent as it is made, where the format allows that."""
    asked = openai_speech.decode_speech_request(await visit.body())
    request = asked.request
    if not request.text.strip():
        raise BadRequest("input is empty; there is nothing to read aloud.", "input")
    meant = _meant(visit, asked.model, speaking.NAMES, "speech")
    if isinstance(meant, Target):
        return await _spoken_there(visit, asked)
    async with Turn(visit, SPEAKING) as turn:
        voice = await turn.do(lambda: speaking.open_voice(visit.server.settings))
        with _kept_speech(visit, speaking.VOICE, asked) as kept:
            if request.instructions:
                kept.note("instructions mean nothing here and were left out.")
            pieces = speaking.spoken(voice, request.text, request.format, request.speed)
            media = openai_speech.FORMATS[request.format]
            stream = Stream(visit.request, media, kept.receipt_header)
            size = 0
            while (piece := await turn.do(lambda: next(pieces, None))) is not None:
                if piece:
                    size += len(piece)
                    kept.made = f"{size:,} bytes of {media}"
                    await stream.write(piece)
            await stream.end()
    return None


async def _spoken_there(visit: Visit, asked: openai_speech.IncomingSpeech) -> Response:
    model = await _at_host(visit, asked.model)
    outgoing = openai_speech.encode_speech_request(asked.request, model.target.model)
    media = openai_speech.FORMATS[asked.request.format]
    async with at_host(visit, model):
        with _kept_speech(visit, model, asked) as kept:
            sound = (await kept.ask(outgoing)).sound
            kept.made = f"{len(sound):,} bytes of {media}"
    return Response(sound, headers=kept.receipt_header, media=media)


def _kept_speech(
    visit: Visit, model: HostedModel | str, asked: openai_speech.IncomingSpeech
) -> Kept:
    request = asked.request
    wish = {"voice": request.voice, "format": request.format, "speed": request.speed}
    return Kept(visit, "speech", model, Text(request.text), notes=asked.notes, settings=wish)


async def transcriptions(visit: Visit) -> Response | None:
    """Speech written down."""
    form = await visit.form()
    file = form.files.get("file")
    if file is None:
        raise BadRequest("file is missing; it must be a sound.", "file")
    media = Media("audio", file.mime, file.data, name=file.name)
    asked = openai_transcription.decode_transcription_request(form.fields, media)
    meant = _meant(visit, asked.model, hearing.NAMES, "transcriptions")
    if isinstance(meant, Target):
        kept, found = await _heard_there(visit, asked, file)
    else:
        kept, found = await _heard_here(visit, hearing.model_called(meant), asked)
    text = openai_transcription.encode_transcript(found, asked.format)
    return Response(
        text.encode(),
        headers=kept.receipt_header,
        media=openai_transcription.FORMATS[asked.format],
    )


def _kept_hearing(
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
    request = asked.request
    async with Turn(visit, HEARING) as turn:
        whisper = await turn.do(lambda: hearing.open_whisper(name, visit.server.settings))
        with _kept_hearing(visit, name, asked) as kept:
            found = await turn.do(
                lambda: whisper.write_down(
                    request.audio.data or b"",
                    language=request.language,
                    prompt=request.prompt,
                    temperature=request.temperature,
                    words=request.words,
                    stopped=turn.stopped,
                )
            )
            return _told(kept, found)


async def _heard_there(
    visit: Visit, asked: openai_transcription.IncomingTranscription, file: File
) -> Heard:
    model = await _at_host(visit, asked.model)
    plain = asked.format in ("json", "text")
    fields = openai_transcription.encode_transcription_request(
        asked.request, model.target.model, "json" if plain else "verbose_json"
    )
    form = encode_form(Form(fields, {"file": file}))
    outgoing = Outgoing("audio/transcriptions", {}, form=form)
    async with at_host(visit, model):
        with _kept_hearing(visit, model, asked) as kept:
            body = (await kept.ask(outgoing)).body
            kept.usage = reported(body)
            return _told(kept, openai_transcription.decode_transcript(body))


def _meant(visit: Visit, name: str, own: Sequence[str], what: str) -> str | Target:
    """Who does it: a part of this machine, with a default under any other name too, or a host.
    Raises as `Models.part` does."""
    return visit.server.models.part(name, own, what) or own[0]


async def _at_host(visit: Visit, name: str) -> HostedModel:
    """Raises `UsageError` for a host that does neither."""
    model = await visit.model(name)
    assert isinstance(model, HostedModel)
    if model.dialect.NAME not in ("openai", openai_responses.NAME):
        raise UsageError(f"{model.target.host.name} has neither speech nor transcriptions.")
    return model
