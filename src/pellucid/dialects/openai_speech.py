"""Text read aloud by OpenAI's API. https://platform.openai.com/docs/api-reference/audio

The answer is the sound itself, so there is nothing to translate in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import BadRequest
from ..value import value
from .base import Outgoing
from .fields import need, take
from .json_text import drop_none
from .narrowing import Notes, note_unread

FORMATS = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""Name of a format -> the media type of the answer."""
SLOWEST, FASTEST = 0.25, 4.0
LONGEST = 4096
"""Characters that are read aloud for one request."""
READ = ("model", "input", "voice", "response_format", "speed", "instructions", "stream_format")


@value
class SpeechRequest:
    """Text to be read aloud. `format` is one of `FORMATS`."""

    text: str
    voice: str
    format: str = "mp3"
    speed: float = 1.0
    instructions: str | None = None


@value
class IncomingSpeech:
    request: SpeechRequest
    model: str
    notes: tuple[str, ...] = ()


def encode_speech_request(request: SpeechRequest, model: str) -> Outgoing:
    """The body for `POST audio/speech`."""
    body = {
        "model": model,
        "input": request.text,
        "voice": request.voice,
        "response_format": request.format,
        "speed": request.speed if request.speed != 1 else None,
        "instructions": request.instructions,
    }
    return Outgoing("audio/speech", drop_none(body))


def decode_speech_request(body: Mapping[str, Any]) -> IncomingSpeech:
    """Raises `BadRequest`."""
    notes: Notes = {}
    note_unread(body, READ, notes)
    if take(body, "stream_format", str) == "sse":
        raise BadRequest("stream_format is sse; sound is sent as it is here.", "stream_format")
    form = take(body, "response_format", str) or "mp3"
    if form not in FORMATS:
        raise BadRequest(
            f"response_format is {form!r}; it can be {', '.join(FORMATS)}.", "response_format"
        )
    speed = body.get("speed", 1.0)
    number = isinstance(speed, int | float) and not isinstance(speed, bool)
    if not (number and SLOWEST <= speed <= FASTEST):
        raise BadRequest(f"speed is {speed!r}; it goes from {SLOWEST:g} to {FASTEST:g}.", "speed")
    text = need(body, "input", str)
    if len(text) > LONGEST:
        raise BadRequest(
            f"input has {len(text):,} characters; {LONGEST:,} at most are read aloud for one "
            "request. Send it in parts.",
            "input",
        )
    voice = body.get("voice")
    named = need(voice, "id", str, "voice") if isinstance(voice, dict) else need(body, "voice", str)
    request = SpeechRequest(text, named, form, float(speed), take(body, "instructions", str))
    return IncomingSpeech(request, need(body, "model", str), tuple(notes))
