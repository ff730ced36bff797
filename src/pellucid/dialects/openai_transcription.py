"""Speech written down by OpenAI's API. https://platform.openai.com/docs/api-reference/audio

A request is a form with a file in it; its fields are text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import BadReply, BadRequest
from ..messages import Media
from ..value import value
from .fields import need
from .json_text import compact, drop_none
from .narrowing import Notes, note_unread

FORMATS = {
    "json": "application/json",
    "verbose_json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
"""Name of a format -> the media type of the answer."""
GRANULARITIES = "timestamp_granularities[]"
READ = ("model", "language", "prompt", "temperature", "response_format", "stream", GRANULARITIES)


@value
class TranscriptionRequest:
    """Speech to be written down. `language` is of ISO 639-1; `prompt` shows the style of before.
    `words`: the times of each are wanted too."""

    audio: Media
    language: str | None = None
    prompt: str | None = None
    temperature: float | None = None
    words: bool = False


@value
class IncomingTranscription:
    """A `TranscriptionRequest` that came in. `format` is one of `FORMATS`."""

    request: TranscriptionRequest
    model: str
    format: str
    notes: tuple[str, ...] = ()


@value
class Segment:
    """A stretch of speech; `start` and `end` in seconds."""

    start: float
    end: float
    text: str


@value
class Word:
    """`start` and `end` in seconds."""

    start: float
    end: float
    word: str


@value
class Transcript:
    """What was said. `duration` is that of the sound, in seconds; `words` only if they were asked
    for."""

    text: str
    language: str | None = None
    duration: float | None = None
    segments: tuple[Segment, ...] = ()
    words: tuple[Word, ...] = ()


def encode_transcription_request(
    request: TranscriptionRequest, model: str, format: str = "json"
) -> dict[str, str]:
    """The fields of the form for `POST audio/transcriptions`, beside its `file`. Segments and words
    come in the `format` verbose_json alone, which not every model has."""
    temperature = None if request.temperature is None else str(request.temperature)
    fields = {
        "model": model,
        "language": request.language,
        "prompt": request.prompt,
        "temperature": temperature,
        "response_format": format,
        GRANULARITIES: "segment,word" if request.words else None,
    }
    return drop_none(fields)


def decode_transcription_request(form: Mapping[str, str], audio: Media) -> IncomingTranscription:
    """`form` are the fields beside `file`, which is `audio`. Raises `BadRequest`."""
    notes: Notes = {}
    note_unread(form, READ, notes)
    if form.get("stream", "false").lower() in ("true", "1"):
        raise BadRequest("stream is true; a transcript comes whole here.", "stream")
    times = set(form.get(GRANULARITIES, "segment").split(","))
    if not times <= {"segment", "word"}:
        raise BadRequest(f"{GRANULARITIES} can be segment and word.", GRANULARITIES)
    wanted = form.get("response_format") or "json"
    if wanted not in FORMATS:
        raise BadRequest(
            f"response_format is {wanted!r}; it can be {', '.join(FORMATS)}.", "response_format"
        )
    if "word" in times and wanted != "verbose_json":
        raise BadRequest("Words have their times in verbose_json alone.", GRANULARITIES)
    request = TranscriptionRequest(
        audio,
        form.get("language"),
        form.get("prompt"),
        _temperature(form.get("temperature")),
        "word" in times,
    )
    return IncomingTranscription(request, need(form, "model", str), wanted, tuple(notes))


def _temperature(text: str | None) -> float | None:
    try:
        found = None if text is None else float(text)
    except ValueError:
        found = -1
    if found is not None and not 0 <= found <= 1:
        raise BadRequest(f"temperature is {text!r}; it goes from 0 to 1.", "temperature")
    return found


def decode_transcript(body: Mapping[str, Any]) -> Transcript:
    """Raises `BadReply`."""
    try:
        segments = tuple(
            Segment(float(item["start"]), float(item["end"]), item["text"] + "")
            for item in body.get("segments") or ()
        )
        words = tuple(
            Word(float(item["start"]), float(item["end"]), item["word"] + "")
            for item in body.get("words") or ()
        )
        told = body.get("language"), body.get("duration")
        return Transcript(body["text"] + "", *told, segments, words)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadReply(f"The transcript is not of OpenAI's API: {error!r}") from error


def encode_transcript(transcript: Transcript, format: str) -> str:
    """The body of the answer; `FORMATS[format]` is its media type."""
    match format:
        case "text":
            return transcript.text + "\n"
        case "srt":
            return _subtitles(transcript.segments, ",", numbered=True)
        case "vtt":
            return "WEBVTT\n\n" + _subtitles(transcript.segments, ".", numbered=False)
        case "json":
            return compact({"text": transcript.text})
    segments = [
        {"id": i, "start": item.start, "end": item.end, "text": item.text}
        for i, item in enumerate(transcript.segments)
    ]
    verbose = {
        "task": "transcribe",
        "language": transcript.language or "",
        "duration": transcript.duration or 0.0,
        "text": transcript.text,
        "segments": segments,
    }
    if transcript.words:
        verbose["words"] = [
            {"word": item.word, "start": item.start, "end": item.end} for item in transcript.words
        ]
    return compact(verbose)


def _subtitles(segments: Iterable[Segment], point: str, *, numbered: bool) -> str:
    blocks = []
    for i, item in enumerate(segments, 1):
        number = f"{i}\n" if numbered else ""
        times = f"{_time(item.start, point)} --> {_time(item.end, point)}"
        blocks.append(f"{number}{times}\n{item.text.strip()}\n\n")
    return "".join(blocks)


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"
