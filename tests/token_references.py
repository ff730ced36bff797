"""The tokenizers that ours must equal: the model authors' and the engine's own."""

from __future__ import annotations

import atexit
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from pellucid.engine import gguf
from pellucid.tokens import compiled, vocabulary

# As in the tokenizer.json that the authors publish with their models.
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
O200K = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
TEKKEN = O200K.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace(r"\p{N}{1,3}", r"\p{N}")


def _split(*patterns: str) -> pre_tokenizers.PreTokenizer:
    steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([*steps, level])


_GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
PRETOKENIZERS = {
    "gpt-2": _GPT2,
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), _GPT2]),
    "qwen2": _split(QWEN2),
    "llama-bpe": _split(LLAMA3),
    "gpt-4o": _split(O200K),
    "tekken": _split(TEKKEN),
}


def authors(metadata: Mapping[str, Any]) -> Tokenizer:
    """The authors' tokenizer: the file's vocabulary and merges, their pre-tokenizer."""
    ids = {spelling: id for id, spelling in enumerate(metadata["tokenizer.ggml.tokens"])}
    merges = [tuple(line.split(" ")) for line in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(ids, merges))
    name = metadata["tokenizer.ggml.pre"]
    tokenizer.pre_tokenizer = PRETOKENIZERS[name]
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    return tokenizer


class Built(NamedTuple):
    """A model file's metadata, and where its vocabulary was built."""

    metadata: dict[str, Any]
    path: Path


@cache
def built(model: Path) -> Built:
    """Made once for all tests: it takes a second or two."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(_remove, folder, os.getpid())
    metadata = dict(gguf.read(model).metadata)
    path = folder / model.stem
    compiled.build(vocabulary.from_gguf(metadata), path)
    return Built(metadata, path)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked process comes by here as well, from Python 3.13 on
        shutil.rmtree(folder)


def ranks(path: Path) -> dict[bytes, int]:
    """A vocabulary in tiktoken's format."""
    import base64

    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = (line.split() for line in data.splitlines() if line)
    return {base64.b64decode(piece): int(rank) for piece, rank in lines}


_ENGINE = """
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.port = 0
params.n_parallel, params.n_ctx, params.n_batch, params.n_ubatch = 1, 256, 32, 32
params.ui = params.warmup = params.fit_params = False
params.verbosity = 10
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


class Engine:
    """llama.cpp's server over one model file."""

    def __init__(self, address: str, log: Path) -> None:
        self._address, self._log = address, log

    def tokenize(self, text: str, *, specials: bool = False) -> list[int]:
        body = {"content": text, "parse_special": specials, "add_special": False}
        request = urllib.request.Request(f"{self._address}/tokenize", json.dumps(body).encode())
        with urllib.request.urlopen(request) as answer:
            ids: list[int] = json.load(answer)["tokens"]
        return ids

    def end_ids(self) -> set[int]:
        """Those it names in its log."""
        _, _, listed = self._log.read_text("utf-8", "replace").partition("all EOG tokens:\n")
        lines = (line.partition("  - ")[2] for line in listed.splitlines())
        ids = set()
        for line in lines:
            if not line:
                break
            ids.add(int(line.split()[0]))
        return ids


@contextmanager
def engine(model: Path, folder: Path) -> Iterator[Engine]:
    log = folder / f"{model.name}.log"
    command: Sequence[str] = [sys.executable, "-c", _ENGINE, str(model)]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield Engine(process.stdout.readline().strip(), log)
        finally:
            process.kill()
