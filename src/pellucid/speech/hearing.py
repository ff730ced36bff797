"""Speech written down by Whisper. https://github.com/SYSTRAN/faster-whisper"""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..dialects.openai_transcription import Segment, Transcript, Word
from ..engine import extra, threads, weights
from ..errors import UnknownModel, UsageError
from ..settings import Settings, load

DEFAULT = "whisper-base"
MODELS = (DEFAULT, "whisper-tiny.en")
NAMES = (*MODELS, "whisper-1", "whisper", "local")
"""What they may be called; OpenAI's own clients know the first as `whisper-1`."""
FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
LONGEST = 2 * 3600
"""Seconds of sound, which is unpacked in memory."""
RATE = 16_000
CONTAINERS = "wav,w64,mp3,flac,ogg,aac,mov,matroska,webm,aiff,au,amr,caf,mpegts,asf"
"""What is read. FFmpeg knows playlists too, which would have it open files and addresses."""


class Whisper:
    """One of `MODELS`. It may be used by several threads; they take turns."""

    def __init__(self, folder: Path) -> None:
        whisper = extra.need("hearing", "faster_whisper")
        self.name = folder.name
        self._model: Any = whisper.WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads.choose()[0]
        )
        self._lock = threading.Lock()

    def write_down(
        self,
        sound: bytes,
        *,
        language: str | None = None,
        prompt: str | None = None,
        temperature: float | None = None,
        words: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Transcript:
        """What is said in the sound: a file's bytes, of any format that FFmpeg reads.

        `language` is of ISO 639-1 (by default it is found out), `prompt` a text of the kind that is
        expected; with `words` each of them has its times. `stopped` is asked whether to leave off.
        Raises `UsageError` for what is no sound, and for a language the model does not know.
        """
        language = self._known(language)
        samples = decoded(sound, stopped)
        if prompt:
            prompt = prompt.replace("<|", "< |")  # so that no control token is made of it
        more: dict[str, Any] = {"word_timestamps": words}
        if temperature:  # at 0 it may try others
            more["temperature"] = temperature
        with self._lock:
            if stopped():
                return Transcript("")
            found, about = self._model.transcribe(
                samples, language=language, initial_prompt=prompt, vad_filter=True, **more
            )
            parts = list(_until(stopped, found))
        return _transcript(parts, about.language, round(len(samples) / RATE, 3))

    def _known(self, language: str | None) -> str | None:
        if not language:
            return None
        codes = self._model.supported_languages
        if language.lower() not in codes:
            knows = ", ".join(codes) if len(codes) > 1 else f"{codes[0]} alone"
            raise UsageError(f"{self.name} knows no language {language!r}; it knows {knows}.")
        return language.lower()


def _transcript(parts: list[Any], language: str, seconds: float) -> Transcript:
    """What faster-whisper found in so many seconds of sound."""

    def times(of: Any) -> tuple[float, float]:
        return round(of.start, 3), min(round(of.end, 3), seconds)

    words = (word for part in parts for word in part.words or ())
    return Transcript(
        "".join(part.text for part in parts).strip(),
        language,
        seconds,
        tuple(Segment(*times(part), part.text) for part in parts),
        tuple(Word(*times(word), word.word.strip()) for word in words),
    )


def _until(stopped: Callable[[], bool], found: Any) -> Iterator[Any]:
    for each in found:
        if stopped():
            return
        yield each


def decoded(sound: bytes, stopped: Callable[[], bool] = lambda: False) -> Any:
    """The samples of a sound: float32, 16,000 a second; up to where it was `stopped`. Raises
    `UsageError` for what is none."""
    import numpy as np

    av = extra.need("speech", "av")
    pcm = bytearray()
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    try:
        with av.open(io.BytesIO(sound), options=options) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in _until(stopped, _frames(av, container)):
                for part in resampler.resample(frame):
                    pcm += part.to_ndarray().tobytes()
                if len(pcm) > LONGEST * RATE * 2:
                    raise UsageError(f"The sound is longer than {LONGEST // 3600} hours.")
            for part in resampler.resample(None):
                pcm += part.to_ndarray().tobytes()
    except (av.FFmpegError, IndexError) as error:  # the second where there are pictures alone
        raise UsageError("This is no sound as wav, mp3, ogg, flac, m4a or webm have it.") from error
    if not (pcm or stopped()):
        raise UsageError("The sound is empty.")
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    samples /= 32768  # in place: two hours take half a gigabyte
    return samples


def _frames(av: Any, container: Any) -> Iterator[Any]:
    """The frames of the first sound, without what is damaged."""
    for packet in container.demux(audio=0):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def model_called(name: str) -> str:
    """Which of `MODELS` a name means. Raises `UnknownModel`."""
    if name.lower() not in NAMES:
        raise UnknownModel(name, instead=f"Of those that hear there are {', '.join(MODELS)}.")
    return name.lower() if name.lower() in MODELS else DEFAULT


def open_whisper(
    model: str = DEFAULT,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Whisper:
    """The model of this name, its files fetched if need be.

    Raises `UnknownModel`, `NotInstalled`, `ModelUnavailable`.
    """
    name = model_called(model)
    extra.need("hearing", "faster_whisper")  # before anything is fetched for it
    files = tuple(f"{name}/{file}" for file in FILES)
    return _opened(weights.obtain(files, settings or load(), progress)[0].parent)


_opened = functools.cache(Whisper)


def read_sound(source: Path | str) -> bytes:
    """A file's bytes. Raises `UsageError`."""
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from error


def transcribe(
    sound: Path | str | bytes,
    model: str = DEFAULT,
    *,
    language: str | None = None,
    prompt: str | None = None,
    words: bool = False,
) -> Transcript:
    """Speech written down: `pellucid.transcribe("talk.mp3").text`; `segments` have their times.

    `sound` is a file or its bytes; with `words` the transcript has the times of each. `model` is
    `whisper-base`, which knows 99 languages, or `whisper-tiny.en`, which is smaller. Raises
    `UsageError` for what is no sound, `NotInstalled`, `ModelUnavailable`.
    """
    data = sound if isinstance(sound, bytes) else read_sound(sound)
    return open_whisper(model).write_down(data, language=language, prompt=prompt, words=words)
