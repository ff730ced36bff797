"""Files that go with a message, from the command line to the wire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_home import Home
from host_server import host, says
from pellucid.attachments import attachment
from pellucid.chat import Chat
from pellucid.errors import UsageError
from pellucid.messages import Media, Message, Text
from pellucid.models.scripted import Scripted

PNG = b"\x89PNG\r\n\x1a\n\x00\x01"


@pytest.mark.parametrize(
    ("name", "data", "kind", "mime"),
    [
        ("a.png", PNG, "image", "image/png"),
        ("misnamed.jpg", PNG, "image", "image/png"),
        ("nameless", b"RIFF\0\0\0\0WAVE\xff", "audio", "audio/wav"),
        ("plain.mp3", b"\xff\xfb\x90\0", "audio", "audio/mpeg"),
        ("all-ascii.pdf", b"%PDF-1.4\n", "file", "application/pdf"),
    ],
)
def test_media(tmp_path: Path, name: str, data: bytes, kind: str, mime: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert attachment(tmp_path / name) == Media(kind, mime, data, name=name)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["BMI is weight over height", "ID3 tags", "é\n"])
def test_text_is_a_passage_whatever_its_first_letters_are(tmp_path: Path, text: str) -> None:
    (tmp_path / "notes.png").write_text(text, "utf-8")
    assert attachment(tmp_path / "notes.png") == Text(text, source="notes.png")


@pytest.mark.parametrize(
    ("data", "said"), [(None, "No such file"), (b"", "is empty"), (b"\0\1\2", "neither text")]
)
def test_what_cannot_be_attached(tmp_path: Path, data: bytes | None, said: str) -> None:
    file = tmp_path / "x.bin"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(UsageError, match=said):
        attachment(file)


def test_a_picture_alone_is_something_to_say() -> None:
    chat = Chat(Scripted(["A dot."]), store=None)
    assert chat.say(Message("user", (Media("image", "image/png", PNG),))).text == "A dot."


def test_the_commands(tmp_path: Path, weights_folder: Path, smol: Path) -> None:
    home = Home(tmp_path / "home", weights_folder)
    (home.folder / "dot.png").write_bytes(PNG)
    (home.folder / "notes.txt").write_text("it rains")
    with host(says("openai")) as server:
        named = ("-m", f"{server.base}#m")
        asked = home.run("ask", "What?", "-a", "dot.png", "-a", "notes.txt", *named)
        lines = "Hi\n/attach dot.png And here?\n"
        talked = home.run("chat", "-a", "notes.txt", *named, stdin=lines)
        bodies = [json.loads(each.body)["messages"] for each in server.asked]
    assert asked.stdout == "Hello there, you.\n", asked.stderr
    assert talked.returncode == 0, talked.stderr
    kinds = [part["type"] for part in bodies[0][0]["content"]]
    assert kinds == ["text", "image_url", "text"]
    assert "passage from notes.txt" in json.dumps(bodies[0])
    assert "it rains" in json.dumps(bodies[1][0])
    assert [part["type"] for part in bodies[2][-1]["content"]] == ["text", "image_url"]
    local = home.run("prompt", "What?", "-a", "notes.txt", "-m", "smollm2-135m")
    assert "--- passage from notes.txt ---" in local.stdout
    refused = home.run("ask", "What?", "-a", "dot.png", "-m", "smollm2-135m")
    assert refused.returncode == 2 and "(dot.png); this model reads text only" in refused.stderr
