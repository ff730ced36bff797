"""Ollama's API: https://docs.ollama.com/api"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..dialects import ollama
from ..dialects.fields import need
from ..dialects.json_text import compact
from ..dialects.ollama import embeddings as embedding
from ..dialects.ollama import generate as generation
from ..engine import checksums, gguf, process
from ..errors import BadModelFile, PellucidError, UnknownModel
from ..models.catalog import Listed
from ..models.local import LocalModel
from ..settings import Folders
from .answering import LINES, respond
from .embedding import embed as vectors
from .failures import failure_of
from .http_response import Response, Stream
from .models import LISTED, Models
from .plain import plain_prompt
from .threads import in_thread
from .visit import Face, Route, Visit, answer

NEVER = 292 * 365.25 * 86400
"""Seconds until a model that is kept for ever expires, as Ollama tells it: the most it can say."""
FACE = Face("ollama", ollama.encode_error)


async def root(visit: Visit) -> Response | None:
    return Response(b"Ollama is running", media="text/plain; charset=utf-8")


async def chat(visit: Visit) -> Response | None:
    body = await visit.body()
    incoming = ollama.decode_request(body)
    if not incoming.request.messages:
        return await _load(visit, body, {"message": {"role": "assistant", "content": ""}})
    return await respond(visit, incoming, ollama, media=LINES)


async def generate(visit: Visit) -> Response | None:
    body = await visit.body()
    incoming = generation.decode_request(body)
    if incoming.raw is not None:
        return await respond(
            visit, incoming, generation, media=LINES, prepare=plain_prompt(incoming.raw)
        )
    if not incoming.request.messages:
        return await _load(visit, body, {"response": ""})
    return await respond(visit, incoming, generation, media=LINES)


async def _load(visit: Visit, body: Mapping[str, Any], said: dict[str, Any]) -> Response | None:
    """A request that says nothing wants the model in memory, or, with `keep_alive` 0, out of it.
    Others may be using the engine, so it stays until it has been idle."""
    model = await visit.model(need(body, "model", str))
    unload = body.get("keep_alive") in (0, "0", "0s")
    if isinstance(model, LocalModel) and not unload:
        await in_thread(model.engine)
    reason = "unload" if unload else "load"
    start = {"model": body["model"], "created_at": _now()}
    return answer({**start, **said, "done": True, "done_reason": reason})


async def embed(visit: Visit) -> Response | None:
    body = await visit.body()
    asked = embedding.decode_embed_request(body, visit.path)
    found, headers = await vectors(visit, asked, cut=body.get("truncate") is True)
    encoded = embedding.encode_embeddings(found, asked.model, single=asked.single)
    return answer(encoded, headers=headers)


async def tags(visit: Visit) -> Response | None:
    return answer({"models": await in_thread(lambda: _tags(visit.server.models))})


def _tags(models: Models) -> list[dict[str, Any]]:
    """The names that the lists of the other APIs have; an alias is told of as its file is."""
    files = {row.name: row for row in models.listing() if row.ready}
    found = []
    for name in models.names():
        meant = name if name in files else models.known(name)
        found.append(_tag(name, files.get(meant) if isinstance(meant, str) else None))
    return found


def _tag(name: str, row: Listed | None) -> dict[str, Any]:
    named = {"name": name, "model": name}
    if row is None:  # no file of this machine
        return named
    return {**named, **_file(Path(row.path or ""))}


def _file(path: Path) -> dict[str, Any]:
    """What lists tell of a model's file, nothing of one that is gone. `digest` is empty where all
    of its bytes would have to be read for it."""
    try:
        stat, details = path.stat(), _details(path)
    except (OSError, BadModelFile):
        return {}
    return {
        "modified_at": _time(stat.st_mtime),
        "size": stat.st_size,
        "digest": checksums.known(path, Folders.of().weights) or "",
        "details": details,
    }


def _details(path: Path) -> dict[str, Any]:
    header = gguf.read(path, arrays=False)
    return {
        "parent_model": "",
        "format": "gguf",
        "family": header.architecture,
        "families": [header.architecture],
        "parameter_size": _rounded(header.parameters),
        "quantization_level": header.quantisation or "",
    }


def _rounded(parameters: int) -> str:
    """As Ollama writes it: 494.03M, 8.0B."""
    if parameters >= 1e9:
        return f"{parameters / 1e9:.1f}B"
    return f"{parameters / 1e6:.2f}M"


async def show(visit: Visit) -> Response | None:
    body = await visit.body()
    name = need(body, "name" if "name" in body and "model" not in body else "model", str)
    model = await visit.model(name)
    if not isinstance(model, LocalModel):
        return answer({"details": {}, "model_info": {}, "capabilities": ["completion"]})
    return answer(await in_thread(lambda: _shown(visit, model)))


def _shown(visit: Visit, model: LocalModel) -> dict[str, Any]:
    row = next((row for row in visit.server.models.listing() if row.name == model.name), None)
    card = model.card
    file = _file(card.path)
    return {
        "license": (row.licence if row else None) or "",
        "template": card.template or "",
        "modified_at": file.get("modified_at", ""),
        "details": file.get("details", {}),
        "model_info": {
            "general.architecture": card.architecture,
            f"{card.architecture}.context_length": card.trained_window,
        },
        "capabilities": ["completion", *(row.can if row else ())],
    }


async def ps(visit: Visit) -> Response | None:
    return answer({"models": await in_thread(lambda: _running(visit.server.models))})


def _running(models: Models) -> list[dict[str, Any]]:
    names = {Path(row.path).resolve(): row.name for row in models.listing() if row.path}
    found = []
    for engine in process.running(Folders.of()):
        path = Path(engine.model)
        name = names.get(path, path.name)
        ends = process.ends(engine)
        file = _file(path)
        found.append(
            {
                "name": name,
                "model": name,
                **file,
                "size": process.resident(engine) or file.get("size", 0),
                "size_vram": 0,
                "context_length": engine.window,
                "expires_at": _time(time.time() + NEVER if ends is None else ends),
            }
        )
    return found


async def version(visit: Visit) -> Response | None:
    return answer({"version": __version__})


async def pull(visit: Visit) -> Response | None:
    """Fetches a model of the catalog; a line for every bit of progress."""
    body = await visit.body()
    name = need(body, "name" if "name" in body and "model" not in body else "model", str)
    models = visit.server.models
    if not isinstance(models.known(name), str):
        raise UnknownModel(name, instead=LISTED)
    if body.get("stream") is False:
        await models.pull(name, lambda done, total: None)
        return answer({"status": "success"})
    stream = Stream(visit.request, LINES, {})

    async def say(**line: Any) -> None:
        await stream.write(f"{compact(line)}\n".encode())

    loop = asyncio.get_running_loop()
    steps: asyncio.Queue[tuple[int, int] | None] = asyncio.Queue()

    def progress(done: int, total: int) -> None:
        loop.call_soon_threadsafe(steps.put_nowait, (done, total))

    async def work() -> PellucidError | None:
        """It goes on where the client leaves: others may wait for the same file."""
        try:
            await models.pull(name, progress)
        except PellucidError as error:
            return error
        finally:
            steps.put_nowait(None)
        return None

    await say(status="pulling manifest")
    working = asyncio.create_task(work())
    while (step := await steps.get()) is not None:
        await say(status=f"pulling {name}", digest=name, total=step[1], completed=step[0])
    failure = await working
    await say(**FACE.encode_error(failure_of(failure)) if failure else {"status": "success"})
    await stream.end()
    return None


def _now() -> str:
    return _time(time.time())


def _time(seconds: float) -> str:
    """A time in seconds since 1970, as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


ROUTES = [
    Route("GET", "/", root),
    Route("POST", "/api/chat", chat),
    Route("POST", "/api/generate", generate),
    Route("POST", "/api/embed", embed),
    Route("POST", "/api/embeddings", embed),
    Route("GET", "/api/tags", tags),
    Route("POST", "/api/show", show),
    Route("GET", "/api/ps", ps),
    Route("POST", "/api/pull", pull),
    Route("GET", "/api/version", version),
]
