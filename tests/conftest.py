"""Shared fixtures: the real models, fetched once through the product's own code."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from pellucid.models.local import LocalModel
    from prompt_checks import Model

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

LOCAL_SOURCES = ("path", "caches", "index")
"""Not the Hub: the tests need no more of a network than the package mirror."""


LONGEST = (
    *(
        "assistants",
        "ui_tabs",
        "ui",
        "agents",
        "receipt_page",
        "hosted",
        "docs",
        "weights",
        "glass",
    ),
    *("web_brochures", "cli", "web_summaries", "server_audio", "chat", "ui_model", "engine"),
    *("ui_models", "tool_models", "store", "speech", "tokens", "catalog", "gguf", "server_clients"),
)
"""Files of tests that take longest come first: one that begins last keeps one worker busy while the
others have nothing left to do. Beside one that asks the embedded model, which takes every core,
stands one that does not."""


# The same examples in every run, and as long for each as a busy machine takes.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the targets at their full size")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {f"test_{name}": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    """Where downloads are kept between runs: the user's own cache, or PELLUCID_TEST_WEIGHTS."""
    from pellucid.settings import Folders

    return Path(os.environ.get("PELLUCID_TEST_WEIGHTS") or Folders.of().weights)


@pytest.fixture(scope="module")
def same_voice() -> None:
    """The voice breathes at random: here in the same way at every run of a module."""
    from pellucid.engine import onnx
    from pellucid.speech import speaking

    onnx.keep_quiet()
    import onnxruntime

    onnxruntime.set_seed(7)
    speaking._opened.cache_clear()


@pytest.fixture(scope="session")
def smol(weights_folder: Path) -> Path:
    """SmolLM2-135M-Instruct, small and fast."""
    from pellucid.engine import weights

    weight = weights.known("SmolLM2-135M-Instruct.Q4_1.gguf")
    return weights.fetch(weight, weights_folder, sources=LOCAL_SOURCES)


@pytest.fixture(scope="session")
def qwen(weights_folder: Path) -> Path:
    """Qwen2.5-Coder-0.5B-Instruct, the default model."""
    from pellucid.engine import weights

    name = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    return weights.fetch(weights.known(name), weights_folder, sources=LOCAL_SOURCES)


@pytest.fixture(scope="session")
def large(weights_folder: Path, full: bool) -> Path:
    """Qwen2.5-Coder-1.5B-Instruct, the larger one."""
    from pellucid.engine import weights

    if not full:
        pytest.skip("needs --full: 1.1 GB are fetched")
    name = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    return weights.fetch(weights.known(name), weights_folder, sources=LOCAL_SOURCES)


@pytest.fixture(scope="session")
def embedded(
    tmp_path_factory: pytest.TempPathFactory, qwen: Path, weights_folder: Path
) -> Iterator[LocalModel]:
    """The default model, its engine warm for every test that talks with it."""
    from pellucid.engine import process
    from pellucid.models.local import LocalModel
    from pellucid.models.names import open_model

    home = tmp_path_factory.mktemp("embedded")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        model = open_model(str(qwen))
    assert isinstance(model, LocalModel)
    yield model
    process.stop(model.engine())


@pytest.fixture(scope="session")
def models(qwen: Path, smol: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Templates and tokenizers of both models: `qwen` and `smol`."""
    from prompt_checks import Model

    folder = tmp_path_factory.mktemp("vocabularies")
    return {"qwen": Model(qwen, folder), "smol": Model(smol, folder)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; no longer than a module, since asyncio.run does not go beside it."""
    from playwright.sync_api import sync_playwright

    if not CHROMIUM.exists():
        pytest.skip("pages need a browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """No test reaches another machine; the package mirror is asked in a process of its own."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "local"
        if self.family in (socket.AF_INET, socket.AF_INET6) and host not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise AssertionError(f"a test tried to reach {host}")
        real(self, address)  # type: ignore[arg-type]

    socket.socket.connect = connect  # type: ignore[method-assign, assignment]
    yield
    socket.socket.connect = real  # type: ignore[method-assign]


@pytest.fixture
def home(tmp_path: Path, weights_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own, with the downloaded weights already in its cache."""
    for variable, folder in (
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
    ):
        monkeypatch.setenv(variable, str(tmp_path / folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    cache = tmp_path / "cache" / "pellucid"
    cache.mkdir(parents=True)
    (cache / "weights").symlink_to(weights_folder)
    return tmp_path
