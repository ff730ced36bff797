"""Speech and transcriptions over OpenAI's API: by the parts of this machine, and by hosts."""

from __future__ import annotations

import io
import itertools
import json
import socket
import sys
import threading
import time
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host_server import answer, fails, host
from pellucid.dialects.form import File, Form, decode_form, encode_form
from pellucid.dialects.openai_transcription import Segment, Transcript
from pellucid.errors import BadRequest
from pellucid.messages import Media, text_message
from pellucid.record.codec import from_json
from pellucid.record.receipt import Receipt
from pellucid.server import audio
from pellucid.server.limits import Limits
from pellucid.settings import load
from pellucid.speech import hearing, speaking
from served import Answer, Served, served
from test_server_security import in_front_of
from work import SOON

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("same_voice")]
SAID = "The quick brown fox jumps over the lazy dog."
TINY = "whisper-tiny.en"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, weights_folder: Path) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("audio")))
        patch.setenv("XDG_CACHE_HOME", str(weights_folder.parent.parent))
        store = tmp_path_factory.mktemp("receipts") / "r.db"
        with served(limits=Limits(body=1 << 20), store=store) as running:
            yield running


@pytest.fixture(scope="module")
def client(server: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.base}/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def sound(client: openai.OpenAI) -> bytes:
    made = client.audio.speech.create(
        model="tts-1", voice="alloy", input=SAID, response_format="wav"
    )
    return made.read()


def send_form(server: Served, fields: dict[str, str], sound: bytes | None, at: str = "") -> Answer:
    files = {} if sound is None else {"file": File("said.wav", sound, "audio/wav")}
    media, body = encode_form(Form(fields, files))
    path = at or "/v1/audio/transcriptions"
    return server.post(path, body, {"Content-Type": media})


# -- this machine's


def test_speech_is_a_sound(client: openai.OpenAI, sound: bytes) -> None:
    with wave.open(io.BytesIO(sound)) as file:
        assert 1.5 < file.getnframes() / file.getframerate() < 6
    fast = client.audio.speech.create(model="piper", voice="x", input=SAID, speed=2)  # mp3
    assert fast.response.headers["content-type"] == "audio/mpeg"
    assert 0.8 < len(hearing.decoded(fast.read())) / 16_000 < 3


def test_speech_comes_as_it_is_made(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    """The voice goes on to the second sentence when the first has arrived, and not before."""
    came = threading.Event()
    say = speaking.Voice.say

    def held(self: speaking.Voice, text: str, speed: float) -> Iterator[bytes]:
        for number, sentence in enumerate(say(self, text, speed)):
            assert number == 0 or came.wait(SOON)
            yield sentence

    monkeypatch.setattr(speaking.Voice, "say", held)
    text = "Here is a sentence of the text. " * 2
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=text, response_format="pcm"
    ) as made:
        pieces = made.iter_bytes(1 << 12)
        first = next(pieces)
        came.set()
        assert len(first) + sum(map(len, pieces)) > 22_050 * 2  # of both


def test_what_was_said_is_written_down(client: openai.OpenAI, sound: bytes) -> None:
    said = client.audio.transcriptions.create(model=TINY, file=("said.wav", sound))
    assert "brown fox" in said.text
    told = client.audio.transcriptions.create(
        model="whisper-1",  # which is the larger one, of many languages
        file=("said.wav", sound),
        response_format="verbose_json",
        language="en",
        prompt="Animals.",
        temperature=0.2,
        timestamp_granularities=["word", "segment"],
    )
    assert "fox" in told.text and told.language == "en" and float(told.duration) > 1.5
    assert told.segments and told.segments[0].end > 1
    assert told.words and "fox" in [word.word.strip(".,") for word in told.words]
    assert all(a.start <= a.end <= b.end for a, b in itertools.pairwise(told.words))


def test_receipts_of_both(server: Served, client: openai.OpenAI) -> None:
    made = client.audio.speech.with_raw_response.create(
        model="tts-1",
        voice="alloy",
        input=SAID,
        response_format="wav",
        instructions="Softly.",
        extra_body={"colour": "red"},
    )
    sound, receipt = made.content, receipt_of(server, made)
    assert (receipt.kind, receipt.model) == ("speech", speaking.VOICE)
    assert receipt.request.messages == (text_message("user", SAID),)
    assert receipt.settings == {"voice": "alloy", "format": "wav", "speed": 1.0}
    assert receipt.reply.notices == (f"{len(sound):,} bytes of audio/wav.",)
    assert [note.split()[0] for note in receipt.notes[:2]] == ["colour", "instructions"]

    heard = client.audio.transcriptions.with_raw_response.create(
        model=TINY, file=("fox.wav", sound), extra_body={"colour": "red"}
    )
    receipt = receipt_of(server, heard)
    assert (receipt.kind, receipt.model) == ("transcription", TINY)
    (part,) = receipt.request.messages[0].parts
    assert isinstance(part, Media) and (part.name, part.data) == ("fox.wav", sound)
    assert "fox" in receipt.reply.text and receipt.reply.text == heard.parse().text
    assert receipt.notes[0].startswith("colour") and "seconds of sound" in receipt.reply.notices[0]


def receipt_of(server: Served, reply: Any) -> Receipt:
    return from_json(server.get(f"/receipts/{reply.headers['x-pellucid-receipt']}").json)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    (
        ({"input": " "}, "input", "empty"),
        ({"input": "x" * 4097}, "input", "4,096"),
        ({"input": "..."}, None, "nothing in the text"),
        ({"input": None}, "input", "missing"),
        ({"input": 3}, "input", "string"),
        ({"model": None}, "model", "missing"),
        ({"voice": None}, "voice", "missing"),
        ({"speed": 9}, "speed", "0.25 to 4"),
        ({"response_format": "midi"}, "response_format", "mp3"),
        ({"stream_format": "sse"}, "stream_format", "sse"),
        ({"model": "nobody"}, "model", "piper"),
    ),
)
def test_bad_speech(server: Served, change: dict[str, Any], field: str | None, said: str) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello.", **change}
    reply = server.post("/v1/audio/speech", body)
    assert reply.status == (404 if body["model"] == "nobody" else 400)
    error = reply.json["error"]
    assert said in error["message"] and error["param"] == field


@pytest.mark.parametrize(
    ("change", "field", "said"),
    (
        ({"model": "nobody"}, "model", "whisper-base"),
        ({"model": ""}, "model", ""),
        ({"response_format": "doc"}, "response_format", "verbose_json"),
        ({"temperature": "hot"}, "temperature", "0 to 1"),
        ({"language": "xx"}, None, "en alone"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities[]", "verbose_json"),
        ({"timestamp_granularities[]": "word,x"}, "timestamp_granularities[]", "and word"),
        ({"stream": "true"}, "stream", "whole"),
    ),
)
def test_bad_fields(
    server: Served, sound: bytes, change: dict[str, str], field: str | None, said: str
) -> None:
    reply = send_form(server, {"model": TINY, **change}, sound)
    assert reply.status == (404 if "model" in change else 400)
    error = reply.json["error"]
    assert said in error["message"] and error["param"] == field


def test_bad_files(server: Served) -> None:
    for data, said in ((b"", "no sound"), (b"words", "no sound"), (b"\0" * 999, "no sound")):
        reply = send_form(server, {"model": TINY}, data)
        assert reply.status == 400 and said in reply.json["error"]["message"]
    missing = send_form(server, {"model": TINY, "file": "a text"}, None)
    assert missing.status == 400 and missing.json["error"]["param"] == "file"
    long = send_form(server, {"model": TINY}, b"\0" * (1 << 20))
    assert long.status == 413 and "1 MB" in long.json["error"]["message"]


HEAD = b'Content-Disposition: form-data; name="model"'
FORM = "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("media", "body"),
    (
        ("application/json", b"{}"),
        ("", b""),
        ("multipart/form-data", b"--x--"),
        (f"{FORM}{'x' * 99}", b"--x--"),
        (FORM, b""),
        (FORM, b"--x"),
        (FORM, b"--x\r\n" + HEAD + b"\r\n\r\ncut"),
        (FORM, b"--x\r\nno head--x--"),
        (FORM, b"--x\r\n\r\n\r\nno name\r\n--x--"),
        (FORM, b"--x\r\n" + HEAD + b"\r\n\r\n\xff\r\n--x--"),
        (FORM, b"--x\r\nContent-Disposition: \xff\r\n\r\na\r\n--x--"),
        (FORM, b"--xy\r\n" + HEAD + b"\r\n\r\na\r\n--x--"),
        (FORM, b"--x\r\n" + HEAD + b"; filename*=idna''a%ff\r\n\r\na\r\n--x--"),
        (FORM, b"--x\r\n" + HEAD + b"; filename*=undefined''a\r\n\r\na\r\n--x--"),
        (FORM.replace("boundary=x", "boundary*=idna''x"), b"--x--"),
        (FORM, b"--x\r\n" + b"a: b\r\n" * 9999 + b"\r\na\r\n--x--"),
        (FORM, (b"--x\r\n" + HEAD + b"\r\n\r\na\r\n") * 200 + b"--x--"),
    ),
)
def test_malformed_forms(server: Served, media: str, body: bytes) -> None:
    with pytest.raises(BadRequest):
        decode_form(media, body)
    reply = server.post("/v1/audio/transcriptions", body, {"Content-Type": media})
    assert reply.status == 400 and reply.json["error"]["message"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1).filter(
    lambda name: not set(name) & set('"\\%')
)


@settings(max_examples=40)
@example({"<a>": "b"}, {"<c>": b"d"})
@given(
    st.dictionaries(NAMES | st.just("list[]"), TEXTS, max_size=4),
    st.dictionaries(NAMES, st.binary(), max_size=2),
)
def test_forms_are_read_as_they_were_written(
    fields: dict[str, str], files: dict[str, bytes]
) -> None:
    form = Form(fields, {name: File(name, data, "audio/wav") for name, data in files.items()})
    assert decode_form(*encode_form(form)) == form


def test_a_files_type_can_be_sent_on() -> None:
    for said, read in (
        (b"audio/x-wav; a=b", "audio/x-wav"),
        (b"audio/wav\r\n\tX: 1", "application/octet-stream"),
        (b"\x01/\x02", "application/octet-stream"),
    ):
        head = b'Content-Disposition: form-data; name=f; filename="a\\"b"\r\nContent-Type: ' + said
        form = decode_form(FORM, b"--x\r\n" + head + b"\r\n\r\na\r\n--x--")
        assert form.files["f"] == File('a"b', b"a", read)


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_no_form_breaks_the_reader(body: bytes) -> None:
    for data in (body, b"--x" + body + b"\r\n--x--", b"--x\r\n" + HEAD + body + b"\r\n\r\n--x--"):
        try:
            decode_form(FORM, data)
        except BadRequest as error:
            assert str(error)


def test_missing_extras(server: Served, sound: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
    for reply, extra in (
        (server.post("/v1/audio/speech", body), "speech"),
        (send_form(server, {"model": "whisper-1"}, sound), "hearing"),
    ):
        assert reply.status == 501
        assert f"pip install 'pellucid[{extra}]'" in reply.json["error"]["message"]


def test_weights_that_cannot_be_had(
    server: Served, sound: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with served(settings=replace(load(), offline=True, sources=("path", "index"))) as other:
        for reply in (
            other.post("/v1/audio/speech", {"model": "tts-1", "voice": "a", "input": "Hello."}),
            send_form(other, {"model": TINY}, sound),
        ):
            assert reply.status == 404 and "offline" in reply.json["error"]["message"]


class Slow:
    """Stands in for both parts; counts how many run at a time."""

    rate = 22_050

    def __init__(self) -> None:
        self.running = self.most = self.said = 0
        self.pieces = 10
        self.holds = False
        """After its first piece, until it may go on."""
        self.hears = threading.Event()
        self.go_on = threading.Event()
        self.left: list[bool] = []

    def say(self, text: str, speed: float) -> Iterator[bytes]:
        for _ in range(self.pieces):
            self.running += 1
            self.most = max(self.most, self.running)
            time.sleep(0.01)
            self.running -= 1
            self.said += 1
            yield bytes(2_000)
            if self.holds:
                self.go_on.wait(20)

    def write_down(self, sound: bytes, *, stopped: Any, **_: Any) -> Transcript:
        self.hears.set()
        self.go_on.wait(10)
        time.sleep(0.05)
        self.left.append(stopped())
        return Transcript("Hi.", "en", 1.0, (Segment(0.0, 1.0, "Hi."),))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    part = Slow()
    monkeypatch.setattr(speaking, "open_voice", lambda *_: part)
    monkeypatch.setattr(hearing, "open_whisper", lambda *_: part)
    return part


def test_formats_of_transcripts(slow: Slow, server: Served) -> None:
    slow.go_on.set()
    for form, media, said in (
        ("text", "text/plain; charset=utf-8", b"Hi.\n"),
        ("srt", "text/plain; charset=utf-8", b"1\n00:00:00,000 --> 00:00:01,000\nHi.\n\n"),
        ("vtt", "text/vtt; charset=utf-8", b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHi.\n\n"),
    ):
        path = "/v1beta/openai/audio/transcriptions"
        reply = send_form(server, {"model": TINY, "response_format": form}, b"a", path)
        assert (reply.status, reply.headers["content-type"], reply.body) == (200, media, said)


BODY = {"model": "tts-1", "voice": "alloy", "input": "Hello.", "response_format": "wav"}


def test_one_at_a_time_and_the_loop_goes_on(slow: Slow, server: Served) -> None:
    slow.holds = True
    replies: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: replies.append(server.post("/v1/audio/speech", BODY)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    while not slow.said:
        time.sleep(0.01)
    assert server.get("/health").status == 200
    assert not slow.go_on.is_set() and not replies  # while the first of them is still being made
    slow.go_on.set()
    for thread in threads:
        thread.join()
    assert [reply.status for reply in replies] == [200] * 3
    assert slow.most == 1 and slow.said == 3 * slow.pieces


def test_a_client_that_goes_away_ends_the_work(slow: Slow, server: Served) -> None:
    slow.pieces = 100_000
    data = json.dumps(BODY).encode()
    line = "POST /v1/audio/speech HTTP/1.1"
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(
            f"{line}\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
        )
        while not slow.said:
            time.sleep(0.01)
    while not server.server.part(audio.SPEAKING).free:
        time.sleep(0.01)
    assert slow.said < slow.pieces
    media, form = encode_form(Form({"model": TINY}, {"file": File("a", b"a")}))
    fields = f"Host: localhost\r\nContent-Type: {media}\r\nContent-Length: {len(form)}"
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(f"POST /v1/audio/transcriptions HTTP/1.1\r\n{fields}\r\n\r\n".encode() + form)
        assert slow.hears.wait(10)
    time.sleep(0.1)
    assert server.server.part(audio.HEARING).free == 0  # the machine is still at work
    slow.go_on.set()
    while not slow.left or not server.server.part(audio.HEARING).free:
        time.sleep(0.01)
    assert slow.left == [True]


def test_with_a_default_any_name_means_the_part(slow: Slow) -> None:
    slow.go_on.set()
    rows = replace(load(), models={"ears": {"alias": TINY}})
    with served(default="small", settings=rows) as server:
        for model in ("gpt-4o-mini-tts", "whatever"):
            assert server.post("/v1/audio/speech", {**BODY, "model": model}).status == 200
        assert send_form(server, {"model": "gpt-4o-transcribe"}, b"a").json == {"text": "Hi."}
    with served(settings=rows) as server:
        assert send_form(server, {"model": "ears"}, b"a").status == 200
        assert send_form(server, {"model": "mouth"}, b"a").status == 404


# -- hosts'


def test_a_hosts_speech() -> None:
    with host(answer(b"ID3 sound", media="audio/mpeg")) as there, in_front_of(there) as server:
        body = {"model": "mine", "voice": "alloy", "input": "Hello.", "instructions": "Softly."}
        reply = server.post("/v1/audio/speech", body)
    assert (reply.status, reply.body) == (200, b"ID3 sound")
    assert reply.headers["content-type"] == "audio/mpeg"
    sent = json.loads(there.asked[0].body)
    assert sent["model"] == "m" and sent["instructions"] == "Softly."
    assert there.asked[0].line.split()[1].endswith("/audio/speech")


@pytest.mark.parametrize(
    ("form", "asked"), (("json", "json"), ("srt", "verbose_json"), ("verbose_json", "verbose_json"))
)
def test_a_hosts_transcription(form: str, asked: str) -> None:
    segment = {"id": 0, "start": 0.0, "end": 1.0, "text": "Hi."}
    words = [{"word": "Hi", "start": 0.25, "end": 0.5}]
    told = {"text": "Hi.", "language": "english", "duration": 1.0, "segments": [segment]}
    told |= {"words": words} if form == "verbose_json" else {}
    with host(answer(json.dumps(told).encode())) as there, in_front_of(there) as server:
        fields = {"model": "mine", "response_format": form, "language": "en"}
        wish = {"timestamp_granularities[]": "segment,word"} if form == "verbose_json" else {}
        reply = send_form(server, {**fields, **wish}, b"RIFF sound")
    assert reply.status == 200 and b"Hi." in reply.body
    sent = there.asked[0]
    read = decode_form(sent.headers["content-type"], sent.body)
    assert read.files == {"file": File("said.wav", b"RIFF sound", "audio/wav")}
    assert read.fields == {"model": "m", "language": "en", "response_format": asked, **wish}
    if wish:
        assert sent.body.count(b'name="timestamp_granularities[]"') == 2
        assert reply.json["words"] == words and reply.json["segments"] == [segment]


def test_a_hosts_key_and_its_errors(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-of-the-server")
    body = {"model": "openai:gpt-4o-mini-tts", "voice": "alloy", "input": "Hello."}
    with host(fails("openai", 400, "No such voice."), answer(b'{"text": 3}')) as there:
        monkeypatch.setenv("OPENAI_BASE_URL", there.base)
        with served() as server:
            refused = server.post("/v1/audio/speech", body)
            wrong = send_form(server, {"model": "openai:whisper-1"}, b"RIFF")
            silent = server.post("/v1/audio/speech", body)
    assert refused.status == 400 and "No such voice." in refused.json["error"]["message"]
    assert wrong.status == 502 and silent.status == 502
    assert [each.headers["authorization"] for each in there.asked] == [
        "Bearer sk-canary-of-the-server"
    ] * 3


def test_a_host_without_them() -> None:
    with host(answer(b"{}")) as there, in_front_of(there, "anthropic") as server:
        reply = server.post("/v1/audio/speech", {**BODY, "model": "mine"})
        assert reply.status == 400 and "neither speech" in reply.json["error"]["message"]
        assert send_form(server, {"model": "mine"}, b"RIFF").status == 400
    assert not there.asked
