"""Model files that other tools already keep on this machine. They are read, never changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..settings import expanded
from ..value import value
from .hub import HubFile


@value
class Cached:
    """A model file in another tool's cache; `name` is what that tool calls it."""

    tool: str
    name: str
    path: Path


def candidates(file: HubFile | None, sha256: str | None) -> Iterator[Cached]:
    """Files that may be the one sought: by the Hub's address of it, or by its SHA-256."""
    if file:
        owner, repo = file.repo.split("/")
        pattern = f"models--{owner}--{repo}/snapshots/*/{file.file}"
        for path in sorted(hugging_face().glob(pattern)):
            yield Cached("Hugging Face", str(file), path)
        path = llama_cpp() / f"{file.repo}/{file.file}".replace("/", "_")
        if path.is_file():
            yield Cached("llama.cpp", path.name, path)
    if sha256:
        for folder in ollama():
            path = folder / "blobs" / f"sha256-{sha256}"
            if path.is_file():
                yield Cached("Ollama", path.name, path)


def gguf_files() -> Iterator[Cached]:
    """Every GGUF file in the caches of the Hugging Face tools, llama.cpp and Ollama."""
    for path in sorted(hugging_face().glob("models--*--*/snapshots/*/**/*.gguf")):
        if path.is_file():
            yield Cached("Hugging Face", _hub_name(path), path)
    for path in sorted(llama_cpp().glob("*.gguf")):
        yield Cached("llama.cpp", path.name, path)
    for folder in ollama():
        yield from _ollama_models(folder)


def hugging_face(environ: Mapping[str, str] | None = None) -> Path:
    """https://huggingface.co/docs/huggingface_hub/guides/manage-cache"""
    environ = os.environ if environ is None else environ
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if environ.get(variable):
            return expanded(environ[variable])
    home = environ.get("HF_HOME")
    return (expanded(home) if home else _cache(environ) / "huggingface") / "hub"


def llama_cpp(environ: Mapping[str, str] | None = None) -> Path:
    """LLAMA_CACHE, or the folder that llama.cpp chooses: `fs_get_cache_directory`."""
    environ = os.environ if environ is None else environ
    if environ.get("LLAMA_CACHE"):
        return expanded(environ["LLAMA_CACHE"])
    return _cache(environ) / "llama.cpp"


def ollama(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """OLLAMA_MODELS, or the folders of a user's own Ollama and of the system's service."""
    environ = os.environ if environ is None else environ
    if environ.get("OLLAMA_MODELS"):
        return (expanded(environ["OLLAMA_MODELS"]),)
    return (_home(environ) / ".ollama/models", Path("/usr/share/ollama/.ollama/models"))


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())


def _cache(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CACHE_HOME") or _home(environ) / ".cache")


def _hub_name(path: Path) -> str:
    repo, _, _, *rest = path.relative_to(hugging_face()).parts
    return f"hf:{repo.removeprefix('models--').replace('--', '/', 1)}/{'/'.join(rest)}"


def _ollama_models(folder: Path) -> Iterator[Cached]:
    """The manifests name the blob that holds the weights of each `model:tag`."""
    for manifest in sorted((folder / "manifests").glob("*/*/*/*")):
        try:
            layers = json.loads(manifest.read_bytes())["layers"]
            digests = [
                str(layer["digest"])
                for layer in layers
                if layer["mediaType"] == "application/vnd.ollama.image.model"
            ]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        host, owner, model, tag = manifest.relative_to(folder / "manifests").parts
        name = f"{model}:{tag}" if owner == "library" else f"{owner}/{model}:{tag}"
        for digest in digests:
            path = folder / "blobs" / digest.replace(":", "-")
            if host and "/" not in digest and path.is_file():
                yield Cached("Ollama", name, path)
