"""Text read aloud by a Piper voice, sentence by sentence. https://github.com/OHF-Voice/piper1-gpl"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..dialects.openai_speech import FASTEST, SLOWEST
from ..engine import extra, weights
from ..errors import UsageError
from ..settings import Settings, load
from ..value import value
from .encoding import FORMATS, at_speed, encoder

VOICE = "en_US-joe-medium"
NAMES = ("piper", VOICE.lower(), "tts-1", "tts-1-hd", "local")
"""What the voice may be called; OpenAI's own clients know it as `tts-1`."""
LONGEST = 600
"""Characters that are handed to the voice at once: what it takes grows with their square."""


@value
class Speech:
    """Sound that was made of a text. `pcm` has `rate` samples a second, of 16 bits, little-endian,
    of one channel. In a notebook it can be played."""

    text: str
    pcm: bytes
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate

    def encoded(self, form: str = "wav") -> bytes:
        """A file's bytes: wav, mp3, opus, aac, flac, or pcm, which has 24,000 samples a second.

        Raises `UsageError` for another format, `NotInstalled`.
        """
        making = encoder(form, self.rate)
        return making.feed(self.pcm) + making.end()

    def save(self, path: Path | str) -> Path:
        """Write a file in the format that its name ends in. Raises `UsageError`."""
        path = Path(path)
        form = format_of(path)
        path.write_bytes(self.encoded(form))
        return path

    def __bytes__(self) -> bytes:
        """A WAV file."""
        return self.encoded()

    def __repr__(self) -> str:
        return f"Speech({self.text[:40]!r}: {self.seconds:.1f} seconds)"


class Voice:
    """A Piper voice. It may be used by several threads; they take turns at each sentence."""

    def __init__(self, model: Path, config: Path) -> None:
        piper = extra.need("speech", "piper")
        self._voice: Any = piper.PiperVoice.load(model, config)
        self._lock = threading.Lock()
        self.rate: int = self._voice.config.sample_rate

    def say(self, text: str, speed: float = 1.0) -> Iterator[bytes]:
        """The PCM of one sentence after another, as they are made.

        Raises `UsageError` for a speed that is out of bounds, and at the end for a text in which
        there was nothing to say.
        """
        if not SLOWEST <= speed <= FASTEST:
            raise UsageError(f"The speed is {speed:g}; it goes from {SLOWEST:g} to {FASTEST:g}.")
        silent = True
        for passage in passages(text):
            for pcm in self._sentences(passage):
                silent = False
                yield pcm if speed == 1 else at_speed(pcm, self.rate, speed)
        if silent:
            raise UsageError("There is nothing in the text that can be read aloud.")

    def _sentences(self, passage: str) -> Iterator[bytes]:
        sentences = iter(self._voice.synthesize(passage))
        while True:
            with self._lock:
                sentence = next(sentences, None)
            if sentence is None:
                return
            yield sentence.audio_int16_bytes


_ENDS = [re.compile(end) for end in (r"[.!?…。！？]\s", r"[,;:]\s", r"\s")]


def passages(text: str) -> Iterator[str]:
    """The lines of a text; a long one in parts, which end where a sentence does if they can."""
    # Piper would take what stands in [[ ]] for phonemes; and espeak reads up to a NUL.
    plain = re.sub(r"\[(?=\[)", "[ ", text.replace("\0", " "))
    for line in plain.encode("utf-8", "replace").decode().splitlines():
        while len(line) > LONGEST:
            cut = _cut(line[:LONGEST])
            yield line[:cut]
            line = line[cut:]
        if line.strip():
            yield line


def _cut(text: str) -> int:
    for end in _ENDS:
        if found := [match.end() for match in end.finditer(text)]:
            return found[-1]
    return len(text)


def spoken(voice: Voice, text: str, form: str, speed: float = 1.0) -> Iterator[bytes]:
    """The bytes of a file, after every sentence those that are ready: perhaps none.

    Raises as `Voice.say` and `encoder` do.
    """
    making = encoder(form, voice.rate)
    for pcm in voice.say(text, speed):
        yield making.feed(pcm)
    yield making.end()


def format_of(path: Path) -> str:
    """The format that a file's name ends in. Raises `UsageError`."""
    form = path.suffix[1:].lower().replace("ogg", "opus")
    if form not in FORMATS:
        ends = ", ".join(f".{each}" for each in FORMATS)
        raise UsageError(
            f"{path.name!r} does not say what sound it is to be; it can end in {ends}."
        )
    return form


def open_voice(
    settings: Settings | None = None, progress: Callable[[int, int], None] | None = None
) -> Voice:
    """The voice, its files fetched if need be. Raises `NotInstalled`, `ModelUnavailable`."""
    extra.need("speech", "piper")  # before anything is fetched for it
    files = (f"{VOICE}.onnx", f"{VOICE}.onnx.json")
    return _opened(*weights.obtain(files, settings or load(), progress))


_opened = functools.cache(Voice)


def speak(text: str, speed: float = 1.0) -> Speech:
    """Text read aloud: `pellucid.speak("Good morning.").save("morning.mp3")`.

    `speed` goes from 0.25 to 4. Raises `UsageError` for a text with nothing to say,
    `NotInstalled`, `ModelUnavailable`.
    """
    voice = open_voice()
    return Speech(text, b"".join(voice.say(text, speed)), voice.rate)
