"""Sound as bytes of a format, while it is made.

Sound is PCM everywhere here: samples of 16 bits, little-endian, one channel.
"""

from __future__ import annotations

import struct
from typing import Any

from ..engine import extra
from ..errors import UsageError
from ..value import value


@value
class Format:
    """How FFmpeg calls a format: its container and codec. `rate` is in samples a second, where the
    format has one of its own; `bits` a second, where it leaves something out."""

    media: str
    container: str = ""
    codec: str = ""
    rate: int | None = None
    bits: int | None = None


FORMATS = {
    "wav": Format("audio/wav"),
    "mp3": Format("audio/mpeg", "mp3", "libmp3lame", bits=64_000),
    "opus": Format("audio/ogg", "ogg", "libopus", rate=48_000, bits=48_000),
    "aac": Format("audio/aac", "adts", "aac", bits=64_000),
    "flac": Format("audio/flac", "flac", "flac"),
    "pcm": Format("audio/pcm", "s16le", "pcm_s16le", rate=24_000),  # OpenAI's has no other rate
}


def encoder(form: str, rate: int) -> Wav | Encoder:
    """What makes the bytes of a format from PCM of `rate` samples a second.

    Raises `UsageError` for a format that is not one of `FORMATS`, or cannot be had here.
    """
    if form not in FORMATS:
        raise UsageError(f"{form!r} is no format of sound here; there are {', '.join(FORMATS)}.")
    return Wav(rate) if form == "wav" else Encoder(FORMATS[form], rate)


class Wav:
    """A WAV file: its beginning says how long it is, so it comes whole, at the end."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._pcm = bytearray()

    def feed(self, pcm: bytes) -> bytes:
        self._pcm += pcm
        return b""

    def end(self) -> bytes:
        size, rate = len(self._pcm), self._rate
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
        head = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE")
        return head + form + struct.pack("<4sI", b"data", size) + self._pcm


class Encoder:
    """Any other format, by FFmpeg's libraries: bytes come as soon as there are enough samples."""

    def __init__(self, form: Format, rate: int) -> None:
        self._av = extra.need("speech", "av")
        self._rate = rate
        self._written = bytearray()
        self._container = self._av.open(self, "w", format=form.container)
        try:
            self._stream: Any = self._container.add_stream(
                form.codec, rate=form.rate or rate, layout="mono"
            )
        except (self._av.FFmpegError, ValueError) as error:
            raise UsageError(
                f"The FFmpeg of this machine has no {form.codec}; wav and pcm can be had."
            ) from error
        if form.bits:
            self._stream.bit_rate = form.bits

    def write(self, data: bytes) -> int:
        """What the container calls."""
        self._written += data
        return len(data)

    def feed(self, pcm: bytes) -> bytes:
        import numpy as np

        samples = np.frombuffer(pcm, "<i2").reshape(1, -1)
        if samples.size:
            frame = self._av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = self._rate
            self._container.mux(self._stream.encode(frame))
        return self._taken()

    def end(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._taken()

    def _taken(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def at_speed(pcm: bytes, rate: int, speed: float) -> bytes:
    """The same sound in another tempo, as high as it was."""
    import numpy as np

    av = extra.need("speech", "av")
    graph = av.filter.Graph()
    place = graph.add_abuffer(sample_rate=rate, format="s16", layout="mono", time_base=None)
    for tempo in _tempos(speed):
        step = graph.add("atempo", f"{tempo:g}")
        place.link_to(step)
        place = step
    end = graph.add("abuffersink")
    place.link_to(end)
    graph.configure()
    samples = np.frombuffer(pcm, "<i2").reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = rate
    graph.push(frame)
    graph.push(None)
    out = []
    while True:
        try:
            out.append(graph.pull().to_ndarray().tobytes())
        except (av.EOFError, av.BlockingIOError):
            return b"".join(out)


def _tempos(speed: float) -> tuple[float, ...]:
    """Factors for FFmpeg's filter, which takes none below a half."""
    return (speed,) if speed >= 0.5 else (0.5, speed / 0.5)
