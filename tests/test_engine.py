"""The engine's process with the real model: shared, watched, cancelled in time, without keys."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid.engine import client, launch, process, threads
from pellucid.errors import (
    EngineFrozen,
    EngineRefused,
    EngineStartError,
    EngineStopped,
    SettingsError,
)
from pellucid.settings import Folders, Settings, resolve

IDS = [1, 4093, 198, 26843, 28, 1462, 260, 3575, 282, 4649, 2, 198, 1, 520, 9531, 198]


def settings(**values: Any) -> Settings:
    return resolve({}, values, "test")


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Folders]:
    folders = Folders(*(tmp_path / name for name in ("config", "data", "cache", "state")))
    yield folders
    for engine in process.running(folders):
        process.stop(engine, patience=0.5)


@pytest.fixture
def engine(smol: Path, folders: Folders) -> process.Engine:
    return process.ensure(process.EngineModel(smol, 2048), settings(), folders)


def body(**values: Any) -> dict[str, Any]:
    return {"prompt": IDS, "n_predict": 8, "stream": True, "return_tokens": True, **values}


def text(engine: process.Engine, **values: Any) -> str:
    return "".join(
        c["content"] for c in client.stream(engine.address, "/completion", body(**values))
    )


def busy(engine: process.Engine) -> bool:
    return any(slot["is_processing"] for slot in client.call(engine.address, "/slots"))


def test_answers_and_is_found_again(engine: process.Engine, smol: Path, folders: Folders) -> None:
    assert "Paris" in text(engine, temperature=0)
    again = process.ensure(process.EngineModel(smol, 2048), settings(), folders)
    assert again.pid == engine.pid


def test_a_library_that_is_missing_is_named_with_what_brings_it(tmp_path: Path) -> None:
    broken = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "xllamacpp.py").write_text(f"raise ImportError({broken!r})")
    done = subprocess.run(
        [sys.executable, "-m", "pellucid.engine.child"],
        input="{}",
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert broken in done.stderr and "apt-get install libgomp1" in done.stderr
    assert "Traceback" not in done.stderr


def test_rendezvous_is_private_and_the_key_is_needed(engine: process.Engine) -> None:
    assert engine.rendezvous is not None
    for file in (engine.rendezvous, engine.rendezvous.with_suffix(".log")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert engine.address.key not in repr(engine)
    command = Path(f"/proc/{engine.pid}/cmdline").read_text()
    assert engine.address.key not in command
    stranger = client.Address(engine.address.host, engine.address.port, "guess")
    with pytest.raises(EngineRefused, match="401"):
        client.call(stranger, "/completion", body(stream=False))


def test_environment_is_scrubbed(
    smol: Path, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = {name: f"canary-{name}" for name in ("OPENAI_API_KEY", "HF_TOKEN", "MY_SECRET")}
    for name, value in canaries.items():
        monkeypatch.setenv(name, value)
    engine = process.ensure(process.EngineModel(smol, 512), settings(), folders)
    environment = Path(f"/proc/{engine.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert not [value for value in canaries.values() if value.encode() in environment]


def test_two_processes_share_one_engine(smol: Path, folders: Folders) -> None:
    code = (
        "import sys, pathlib\n"
        "from pellucid.engine import process\n"
        "from pellucid.settings import Folders, resolve\n"
        "folders = Folders(*map(pathlib.Path, sys.argv[2:]))\n"
        "model = process.EngineModel(pathlib.Path(sys.argv[1]), 512)\n"
        "print(process.ensure(model, resolve({}, {}, ''), folders).pid)\n"
    )
    paths = (folders.config, folders.data, folders.cache, folders.state)
    command = [sys.executable, "-c", code, str(smol), *map(str, paths)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    pids = {child.communicate(timeout=60)[0].strip() for child in started}
    assert len(pids) == 1 and pids != {""}
    assert len(process.running(folders)) == 1


def test_a_batch_is_chosen_by_the_measured_rate(tmp_path: Path) -> None:
    rate = tmp_path / "x.rate"
    assert launch.batch(rate) == launch.FIRST_BATCH
    for measured, batch in (
        ("10", 16),
        ("100", 32),
        ("330", 128),
        ("9999", 512),
        ("?", launch.FIRST_BATCH),
    ):
        rate.write_text(measured)
        assert launch.batch(rate) == batch


def test_ends_when_idle(smol: Path, folders: Folders) -> None:
    engine = process.ensure(process.EngineModel(smol, 512), settings(idle=1), folders)
    assert engine.rendezvous is not None
    deadline = time.monotonic() + 30
    while process.running(folders) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert process.running(folders) == []
    assert not engine.rendezvous.exists()


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_cancelled_in_mid_prefill_and_in_mid_reply(engine: process.Engine, phase: str) -> None:
    """Within a second on a machine that is not busy; and long before the replies' own end."""
    prompt = [*IDS[:-4], *(300 + i for i in range(1500))] if phase == "prefill" else IDS
    stream = client.stream(
        engine.address,
        "/completion",
        body(prompt=prompt, n_predict=400, ignore_eos=True, return_progress=True),
    )
    for chunk in stream:
        progress = chunk.get("prompt_progress")
        if phase == "prefill" and progress and progress["processed"] > 0:
            break
        if phase == "decode" and not progress:
            break
    assert busy(engine)
    stream.close()
    began = time.monotonic()
    while busy(engine):
        assert time.monotonic() - began < 10
        time.sleep(0.02)
    slots = client.call(engine.address, "/slots")
    written = [token["n_decoded"] for slot in slots for token in slot.get("next_token", ())]
    assert written and max(written) < 400


def test_killed_in_mid_reply_is_an_error_and_the_next_start_works(
    engine: process.Engine, smol: Path, folders: Folders
) -> None:
    assert engine.pid is not None
    stream = client.stream(engine.address, "/completion", body(n_predict=400, ignore_eos=True))
    next(stream)
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineStopped):
        list(stream)
    again = process.ensure(process.EngineModel(smol, 2048), settings(), folders)
    assert again.pid != engine.pid
    assert "Paris" in text(again, temperature=0)


def test_frozen_is_noticed_within_15_seconds(
    engine: process.Engine, smol: Path, folders: Folders
) -> None:
    assert engine.pid is not None
    stream = client.stream(engine.address, "/completion", body(n_predict=400, ignore_eos=True))
    next(stream)
    os.kill(engine.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(EngineFrozen) as caught:
        list(stream)
    assert time.monotonic() - began < 15
    process.bury(engine, caught.value)
    again = process.ensure(process.EngineModel(smol, 2048), settings(), folders)
    assert again.pid != engine.pid


def test_not_a_model(tmp_path: Path, folders: Folders) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + bytes(200))
    with pytest.raises(EngineStartError, match=r"ended while it started.*log is"):
        process.ensure(process.EngineModel(bad, 512), settings(), folders)


def test_an_own_llama_server(smol: Path, folders: Folders, tmp_path: Path) -> None:
    """A program with llama-server's arguments; the wheel's server answers behind them."""
    program = tmp_path / "llama-server"
    program.write_text(
        f"#!{sys.executable}\n"
        "import argparse, time, xllamacpp\n"
        "a = argparse.ArgumentParser()\n"
        "for flag in ('model', 'host', 'port', 'api-key-file', 'ctx-size', 'parallel', "
        "'batch-size', 'ubatch-size', 'threads'):\n"
        "    a.add_argument('--' + flag, required=True)\n"
        "for flag in ('kv-unified', 'metrics', 'no-ui'):\n"
        "    a.add_argument('--' + flag, action='store_true', required=True)\n"
        "a = a.parse_args()\n"
        "p = xllamacpp.CommonParams()\n"
        "p.model.path, p.port, p.n_ctx = a.model, int(a.port), int(a.ctx_size)\n"
        "p.api_keys = [open(a.api_key_file).read()]\n"
        "server = xllamacpp.Server(p)\n"
        "while True: time.sleep(1)\n"
    )
    program.chmod(0o755)
    chosen = settings(engine=str(program))
    engine = process.ensure(process.EngineModel(smol, 512), chosen, folders)
    assert engine.version == str(program)
    assert "Paris" in text(engine, temperature=0)

    address = f"http://{engine.address.host}:{engine.address.port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLAMA_API_KEY", engine.address.key)
        same = process.ensure(process.EngineModel(smol, 2048), settings(engine=address), folders)
    assert (same.pid, same.window) == (None, 512)
    assert "Paris" in text(same, temperature=0)
    process.stop(same)  # not ours: left alone
    assert process.is_alive(engine)


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("no-such-llama-server", "neither a program on the PATH nor an address"),
        ("https://127.0.0.1:1", "is not http"),
    ],
)
def test_an_engine_that_cannot_be_used(
    engine: str, words: str, smol: Path, folders: Folders
) -> None:
    with pytest.raises(SettingsError, match=words):
        process.ensure(process.EngineModel(smol, 512), settings(engine=engine), folders)


def test_a_server_that_is_not_there(smol: Path, folders: Folders) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chosen = settings(engine=f"http://127.0.0.1:{port}")
    with pytest.raises(EngineStartError, match="Is a llama-server running"):
        process.ensure(process.EngineModel(smol, 512), chosen, folders)
    with pytest.raises(SettingsError, match="not on this machine"):
        remote = settings(engine="http://192.0.2.1:1", offline=True)
        process.ensure(process.EngineModel(smol, 512), remote, folders)


@contextlib.contextmanager
def canned(answer: bytes, *, reset: bool = False) -> Iterator[client.Address]:
    """A server that sends these bytes to one client and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        import threading

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
                if reset:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        thread = threading.Thread(target=serve)
        thread.start()
        yield client.Address("127.0.0.1", listener.getsockname()[1], "")
        thread.join()


def test_a_stream_cut_at_any_byte_is_an_error() -> None:
    event = b"data: " + json.dumps({"content": "é", "stop": True}).encode() + b"\n\n"
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole += b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event)
    with canned(whole) as address:
        assert list(client.stream(address, "/x", {})) == [{"content": "é", "stop": True}]
    for cut in range(len(whole) - 4):
        with canned(whole[:cut]) as address, pytest.raises(EngineStopped):
            list(client.stream(address, "/x", {}))


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 2), ("100000 100000", 1), ("150000 100000", 2)]
)
def test_threads_are_physical_cores_within_the_quota(
    quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpu, siblings in ((0, "0,2"), (1, "1,3"), (2, "0,2"), (3, "1,3")):
        file = tmp_path / f"cpu{cpu}/topology/thread_siblings_list"
        file.parent.mkdir(parents=True)
        file.write_text(siblings + "\n")
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    count, why = threads.choose(0, tmp_path, tmp_path / "cpu.max")
    assert count == expected
    assert "2 physical cores" in why and "4 with hyper-threads" in why
    assert threads.choose(7) == (7, "7 threads, as set")
