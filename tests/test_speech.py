"""Text read aloud by the real voice, and written down again by the real Whisper."""

from __future__ import annotations

import io
import json
import sys
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pellucid
from cli_home import Home
from host_server import answer, host
from pellucid.cli.main import main
from pellucid.errors import NotInstalled, UnknownModel, UsageError
from pellucid.settings import load
from pellucid.speech import hearing, speaking
from pellucid.speech.encoding import FORMATS
from pellucid.speech.hearing import Whisper
from pellucid.speech.speaking import Speech, Voice

pytestmark = pytest.mark.usefixtures("same_voice")
SAID = "The quick brown fox jumps over the lazy dog. It was not amused."


@pytest.fixture(scope="module", autouse=True)
def weights(weights_folder: Path) -> Iterator[None]:
    """The shared cache, filled by the product's own code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(weights_folder.parent.parent))
        yield


@pytest.fixture(scope="module")
def voice(weights: None) -> Voice:
    return speaking.open_voice(load())


@pytest.fixture(scope="module")
def whisper(weights: None) -> Whisper:
    return hearing.open_whisper("whisper-tiny.en", load())


@pytest.fixture(scope="module")
def speech(voice: Voice) -> Speech:
    return pellucid.speak(SAID)


def words(text: str) -> set[str]:
    return set(text.lower().replace(".", " ").replace(",", " ").split())


def heard(whisper: Whisper, sound: bytes) -> set[str]:
    return words(whisper.write_down(sound).text)


def test_what_is_said_is_sound(speech: Speech) -> None:
    assert 2.5 < speech.seconds < 8
    with wave.open(io.BytesIO(bytes(speech))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert file.getnframes() / file.getframerate() == pytest.approx(speech.seconds)
        samples = np.frombuffer(file.readframes(1 << 30), "<i2").astype(float)
    assert np.sqrt(np.mean(samples**2)) > 1000  # of 32,767: no silence
    assert "seconds" in repr(speech)


def test_it_is_written_down_again(speech: Speech, whisper: Whisper) -> None:
    found = whisper.write_down(bytes(speech))
    assert {"quick", "brown", "fox", "lazy", "dog"} <= words(found.text)
    assert found.language == "en"
    assert found.duration == pytest.approx(speech.seconds, abs=0.01)
    ends = [time for segment in found.segments for time in (segment.start, segment.end)]
    assert ends == sorted(ends) and ends[0] >= 0 and ends[-1] <= speech.seconds + 0.01


@pytest.mark.parametrize("form", FORMATS)
def test_formats(speech: Speech, form: str, tmp_path: Path) -> None:
    data = speech.save(tmp_path / f"said.{form}").read_bytes()
    if form == "pcm":  # has no head: 24,000 samples a second
        assert len(data) / 48_000 == pytest.approx(speech.seconds, abs=0.05)
    else:
        assert len(hearing.decoded(data)) / 16_000 == pytest.approx(speech.seconds, abs=0.15)
    assert form in ("wav", "flac", "pcm") or len(data) < len(speech.pcm) / 2


@pytest.mark.parametrize("speed", (0.25, 1.5, 4))
def test_speed(voice: Voice, speech: Speech, whisper: Whisper, speed: float) -> None:
    faster = b"".join(voice.say(SAID, speed))
    # The voice breathes differently each time it says the same, by a few hundredths.
    assert len(faster) / len(speech.pcm) == pytest.approx(1 / speed, rel=0.15)
    if speed == 1.5:
        kept = words(SAID) & heard(whisper, bytes(Speech(SAID, faster, voice.rate)))
        assert len(kept) > len(words(SAID)) / 2


def test_long_texts_come_sentence_by_sentence(voice: Voice) -> None:
    text = "A sentence of many. " * 200
    pieces = voice.say(text)
    first = next(pieces)
    assert 0.5 < len(first) / 2 / voice.rate < 3
    assert next(pieces)
    parts = list(speaking.passages(text))
    assert "".join(parts) == text and max(map(len, parts)) <= speaking.LONGEST
    assert all(part.endswith(". ") for part in parts)
    assert list(speaking.passages("x" * 1000)) == ["x" * 600, "x" * 400]


@pytest.mark.parametrize("text", ("", " \n ", "...", "\0"))
def test_nothing_to_say(voice: Voice, text: str) -> None:
    with pytest.raises(UsageError, match="nothing in the text"):
        list(voice.say(text))


def test_odd_characters_are_said_or_left_out(voice: Voice) -> None:
    assert next(voice.say("a\0b \x1b[31m [[1a]] \ud800 你好 🎉"))
    assert list(speaking.passages("[[[a]] b")) == ["[ [ [a]] b"]  # else they would be phonemes


@pytest.mark.parametrize("speed", (0, 5, float("nan")))
def test_a_speed_out_of_bounds(voice: Voice, speed: float) -> None:
    with pytest.raises(UsageError, match=r"0\.25 to 4"):
        next(voice.say("Hello.", speed))


def test_names_that_say_no_format(speech: Speech, tmp_path: Path) -> None:
    for name in ("said", "said.txt"):
        with pytest.raises(UsageError, match=r"\.mp3"):
            speech.save(tmp_path / name)
    with pytest.raises(UsageError, match="wav, mp3"):
        speech.encoded("mp4")


def test_a_codec_that_is_not_there(speech: Speech, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "mp3", replace(FORMATS["mp3"], codec="libnothing"))
    with pytest.raises(UsageError, match="no libnothing; wav and pcm can be had"):
        speech.encoded("mp3")


def test_a_notebook_plays_it(speech: Speech) -> None:
    shown = speech._repr_html_()  # type: ignore[attr-defined]  # set on use
    assert '<audio controls src="data:audio/wav;base64,UklGR' in shown and "quick brown" in shown
    evil = Speech("<script>", speech.pcm[:100], speech.rate)
    assert "<script>" not in evil._repr_html_()  # type: ignore[attr-defined]  # set on use


def test_silence_is_no_speech(whisper: Whisper) -> None:
    found = whisper.write_down(bytes(Speech("", bytes(96_000), 16_000)))
    assert (found.text, found.segments, found.duration) == ("", (), 3.0)


def test_what_is_no_sound(whisper: Whisper) -> None:
    picture = (Path(__file__).parent.parent / "docs" / "receipt.png").read_bytes()
    for sound in (b"", b"words " * 100, picture, b"RIFF\0\0\0\0WAVE"):
        with pytest.raises(UsageError, match="no sound"):
            whisper.write_down(sound)
    with pytest.raises(UsageError, match="empty"):
        whisper.write_down(bytes(Speech("", b"", 16_000)))


def test_a_damaged_sound_is_read_as_far_as_it_goes(speech: Speech) -> None:
    data = bytearray(speech.encoded("mp3"))
    middle = len(data) // 2
    data[middle : middle + 500] = b"\xff" * 500
    assert len(hearing.decoded(bytes(data))) / 16_000 == pytest.approx(speech.seconds, abs=0.5)
    cut = hearing.decoded(bytes(data[:middle]))
    assert len(cut) / 16_000 == pytest.approx(speech.seconds / 2, abs=0.5)


def test_playlists_open_nothing(speech: Speech, whisper: Whisper, tmp_path: Path) -> None:
    place = speech.save(tmp_path / "said.wav")
    with host(answer(bytes(speech), media="audio/wav")) as there:
        for target in (f"{there.base}/said.ts", f"file://{place}", str(place)):
            lists = (
                f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
                f"ffconcat version 1.0\nfile '{target}'\n",
            )
            for playlist in lists:
                with pytest.raises(UsageError, match="no sound"):
                    whisper.write_down(playlist.encode())
    assert not there.asked


def test_a_sound_that_is_too_long_is_refused_while_it_is_read(
    speech: Speech, whisper: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "LONGEST", 1)
    with pytest.raises(UsageError, match="longer than"):
        whisper.write_down(bytes(speech))


def test_languages_and_names(speech: Speech, whisper: Whisper, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="en alone"):
        whisper.write_down(bytes(speech), language="de")
    assert "fox" in words(whisper.write_down(bytes(speech), language="EN").text)
    with pytest.raises(UnknownModel, match="whisper-base"):
        pellucid.transcribe(bytes(speech), "whisper-9")
    with pytest.raises(UsageError, match="No such file"):
        pellucid.transcribe(tmp_path / "nothing.wav", "whisper-tiny.en")


def test_it_can_be_left_off(speech: Speech, whisper: Whisper) -> None:
    assert whisper.write_down(bytes(speech), stopped=lambda: True).segments == ()


def test_nothing_is_reported_to_the_makers_of_the_runtime(
    tmp_path: Path, weights_folder: Path
) -> None:
    place = Home(tmp_path, weights_folder)
    said = place.run("speak", "Hello.", "-o", "said.wav")
    assert said.returncode == 0 and (tmp_path / "said.wav").stat().st_size > 10_000
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["pellucid"]


def test_missing_packages(speech: Speech, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("piper", "faster_whisper", "av"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NotInstalled, match=r"pip install 'pellucid\[speech\]'"):
        pellucid.speak("Hello.")
    with pytest.raises(NotInstalled, match=r"pip install 'pellucid\[hearing\]'"):
        pellucid.transcribe(bytes(speech))
    with pytest.raises(NotInstalled, match="other formats than wav"):
        speech.encoded("mp3")
    assert bytes(speech)


@pytest.mark.usefixtures("voice", "whisper")
def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["speak", "Good morning to the harbour.", "-o", "said.mp3"]) == 0
    assert "said.mp3: " in capsys.readouterr().err
    tiny = ["-m", "whisper-tiny.en"]
    assert main(["transcribe", "said.mp3", "nothing", *tiny, "--json"]) == 1
    told, complaint = capsys.readouterr()
    value = json.loads(told)
    assert {"good", "morning"} <= words(value["text"]) and value["segments"][0]["end"] > 1
    assert "No such file" in complaint
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("said.mp3").read_bytes())))
    assert main(["transcribe", "-", *tiny, "--srt"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("1\n00:00:0") and " --> " in shown
    for bad, said in (
        (["speak", "Hello.", "-o", "said.txt"], ".mp3"),
        (["speak", "...", "-o", "said.wav"], "nothing in the text"),
        (["speak", "Hello.", "-o", "said.wav", "--speed", "9"], "0.25 to 4"),
        (["transcribe", __file__, *tiny], "test_speech.py: This is no sound"),
    ):
        assert main(bad) == (1 if bad[0] == "transcribe" else 2)
        assert said in capsys.readouterr().err
    assert not Path("said.wav").exists()
