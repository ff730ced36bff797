"""Pictures over OpenAI's API, by the tiny model of `data/pictures`."""

from __future__ import annotations

import base64
import io
import json
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image

from host_server import answer, host
from pellucid.messages import text_message
from pellucid.pictures.drawing import PictureModel
from pellucid.pictures.network import Network
from pellucid.pictures.wish import Wish
from pellucid.record.codec import from_json
from pellucid.record.receipt import Receipt
from pellucid.server import images
from pellucid.settings import load
from served import Served, echo, served
from test_server_security import in_front_of
from work import soon

pytestmark = pytest.mark.timeout(60)
MODEL = Path(__file__).parent / "data" / "pictures" / "model"
PATH = "/v1/images/generations"
BODY = {"model": "painter", "prompt": "a lighthouse", "seed": 3}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("pictures")
    broken = Path(shutil.copytree(MODEL, folder / "broken"))
    (broken / "unet/model.onnx").write_text("A text.")
    large = Path(shutil.copytree(MODEL, folder / "xl"))
    (large / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    places = {"painter": MODEL, "broken": broken, "xl": large, "empty": folder}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
        patch.setenv("HOME", str(folder))
        rows = {name: {"alias": str(path)} for name, path in places.items()}
        settings = replace(load(), models={**rows, "absent": {"alias": "hf:painters/absent"}})
        with served({"echo": echo()}, settings=settings, store=folder / "r.db") as running:
            yield running


@pytest.fixture(scope="module")
def client(server: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.base}/v1", api_key="none", max_retries=0)


def opened(data: str | None) -> Image.Image:
    assert data
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_pictures_and_their_receipt(server: Served, client: openai.OpenAI) -> None:
    raw = client.images.with_raw_response.generate(
        model="painter",
        prompt="a lighthouse",
        n=2,
        size="48x32",
        response_format="b64_json",
        quality="high",
        extra_body={"seed": 7, "steps": 2, "guidance": 3},
    )
    made = raw.parse()
    pictures = [opened(each.b64_json) for each in made.data or ()]
    model = PictureModel(MODEL, "model", 1)
    for picture, seed in zip(pictures, (7, 8), strict=True):
        assert (picture.format, picture.size) == ("PNG", (48, 32))
        wish = Wish((48, 32), steps=2, guidance=3, seed=seed)
        assert picture.tobytes() == model.draw("a lighthouse", wish).pixels
    assert made.output_format == "png"
    receipt = receipt_of(server, raw.headers["x-pellucid-receipt"])
    assert (receipt.kind, receipt.model, receipt.reply.finish) == ("pictures", "model", "stop")
    assert receipt.request.messages == (text_message("user", "a lighthouse"),)
    how = {"n": 2, "size": "48x32", "steps": 2, "guidance": 3, "seed": 7, "output_format": "png"}
    assert receipt.settings == how
    size = sum(len(base64.b64decode(each.b64_json or "")) for each in made.data or ())
    assert receipt.reply.notices == (f"2 pictures, {size:,} bytes.",)
    assert any(note.startswith("quality means nothing") for note in receipt.notes)


def receipt_of(server: Served, id: str) -> Receipt:
    return from_json(server.get(f"/receipts/{id}").json)


@pytest.mark.parametrize(("form", "name"), (("jpeg", "JPEG"), ("webp", "WEBP")))
def test_formats(client: openai.OpenAI, form: Any, name: str) -> None:
    made = client.images.generate(model="painter", prompt="a cat", output_format=form)
    picture = opened((made.data or [])[0].b64_json)
    assert (picture.format, picture.size, made.output_format) == (name, (64, 64), form)


def test_a_chance_seed_is_in_the_receipt(server: Served) -> None:
    first = server.post(PATH, {"model": "painter", "prompt": "a cat"})
    seed = receipt_of(server, first.headers["x-pellucid-receipt"]).settings["seed"]
    again = server.post(PATH, {"model": "painter", "prompt": "a cat", "seed": seed})
    assert again.json["data"] == first.json["data"]


def test_what_a_model_is_used_to_may_be_too_much(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 48 * 48)
    body = {"model": "painter", "prompt": "a cat"}
    refused = server.post(PATH, body)
    assert refused.status == 400 and "size is 64x64" in refused.json["error"]["message"]
    assert server.post(PATH, {**body, "size": "48x48"}).status == 200


@pytest.mark.parametrize(
    ("change", "status", "said"),
    (
        ({"size": "abc"}, 400, "1024x1024"),
        ({"size": "0x0"}, 400, "1024x1024"),
        ({"size": "10000x10000"}, 400, "1024x1024"),
        ({"size": "1024x1024"}, 400, "768x768"),
        ({"size": "99999x99999"}, 400, "768x768"),
        ({"size": "100x100"}, 400, "multiples of 8"),
        ({"size": "40x40"}, 502, "multiples of 64"),  # what this network cannot halve
        ({"n": 0}, 400, "1 to 10"),
        ({"n": 1000}, 400, "1 to 10"),
        ({"n": "2"}, 400, "whole number"),
        ({"prompt": ""}, 400, "empty"),
        ({"prompt": " "}, 400, "empty"),
        ({"prompt": "a cat " * 10_000}, 400, "32,000"),
        ({"prompt": None}, 400, "missing"),
        ({"steps": 1.5}, 400, "whole number"),
        ({"steps": 10**30}, 400, "1 to 100"),
        ({"guidance": "much"}, 400, "number"),
        ({"guidance": 10**400}, 400, "0 to 50"),
        ({"seed": -1}, 400, "seed"),
        ({"output_format": "gif"}, 400, "webp"),
        ({"stream": True}, 400, "whole"),
        ({"model": ""}, 400, "model is missing"),
        ({"model": None}, 400, "model is missing"),
        ({"model": "nobody"}, 404, "hf:owner/name"),
        ({"model": "echo"}, 400, "makes no pictures"),
        ({"model": "small"}, 400, "makes no pictures"),
        ({"model": "absent"}, 404, "pellucid pull hf:painters/absent"),
        ({"model": "hf:painters/absent"}, 404, "pellucid pull hf:painters/absent"),
        ({"model": "hf:../absent"}, 404, "hf:owner/name"),
        ({"model": "broken"}, 400, "unet/model.onnx cannot be read"),
        ({"model": "xl"}, 400, "StableDiffusionXLPipeline"),
        ({"model": "empty"}, 400, "model_index.json is missing"),
        ({"model": str(MODEL)}, 404, "hf:owner/name"),  # a request names no folder
        ({"model": "."}, 404, "hf:owner/name"),
    ),
)
def test_what_cannot_be(server: Served, change: dict[str, Any], status: int, said: str) -> None:
    reply = server.post(PATH, {**BODY, **change})
    assert (reply.status, said in reply.json["error"]["message"]) == (status, True), reply.body


def test_a_model_of_pictures_answers_no_text(server: Served) -> None:
    asked = {"model": "painter", "messages": [{"role": "user", "content": "Hi"}]}
    reply = server.post("/v1/chat/completions", asked)
    said = reply.json["error"]["message"]
    assert reply.status == 400 and "makes pictures" in said and str(MODEL) not in said
    reply = server.post("/api/pull", {"model": "painter", "stream": False})
    said = reply.json["error"]
    assert reply.status == 400 and "makes pictures" in said and str(MODEL) not in said
    listed = [row["id"] for row in server.get("/v1/models").json["data"]]
    assert "painter" in listed


def test_the_default_draws_under_any_name(server: Served) -> None:
    rows = server.server.settings
    with served(settings=rows, default="painter") as other:
        for name in ("gpt-image-1", "dall-e-3", ""):
            assert other.post(PATH, {**BODY, "model": name}).status == 200
    with served({"echo": echo()}, settings=rows, default="echo") as other:
        reply = other.post(PATH, {**BODY, "model": "dall-e-3"})
        assert reply.status == 400 and "makes no pictures" in reply.json["error"]["message"]


def test_missing_packages(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("onnxruntime", "tokenizers", "PIL.Image"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            reply = server.post(PATH, BODY)
        said = reply.json["error"]["message"]
        assert reply.status == 501 and "pip install 'pellucid[pictures]'" in said
        assert "openai:gpt-image-1" in said


def test_a_host_is_told_what_it_knows() -> None:
    picture = {"created": 1, "data": [{"b64_json": "aGk="}]}
    with host(answer(json.dumps(picture).encode())) as there, in_front_of(there) as server:
        reply = server.post(PATH, {**BODY, "model": "mine", "steps": 4})
        assert reply.json["data"] == picture["data"]
        assert json.loads(there.asked[0].body) == {"model": "m", "prompt": "a lighthouse", "n": 1}
    with host(answer(b"{}")) as there, in_front_of(there, "anthropic") as server:
        reply = server.post(PATH, {**BODY, "model": "mine"})
        assert reply.status == 400 and "has no pictures" in reply.json["error"]["message"]
        assert not there.asked


def test_a_client_that_goes_away_ends_the_work(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()
    runs: list[str] = []
    run = Network.run

    def watched(self: Network, feed: dict[str, Any], running: Any) -> Any:
        runs.append(next(iter(feed)))
        if len(runs) > 3:
            began.set()
        return run(self, feed, running)

    monkeypatch.setattr(Network, "run", watched)
    data = json.dumps({**BODY, "size": "512x512", "steps": 100, "guidance": 7, "n": 10}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n"
    head += "X-Pellucid-App: hasty\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(head.encode() + data)
        assert began.wait(20)
        assert server.server.part(images.DRAWING).free == 0
    assert soon(lambda: server.server.part(images.DRAWING).free)
    assert len(runs) < 100  # of 2,020
    (row,) = server.get("/receipts?app=hasty").json["receipts"]
    receipt = receipt_of(server, row["id"])
    assert receipt.reply.finish == "cut" and "interrupted" in (receipt.reply.error or "")
    assert server.post(PATH, BODY).status == 200  # the next one has its turn
