"""The commands, as a user types them, on the real models."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_home import Home
from pellucid.cli.main import COMMANDS


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, weights_folder: Path, smol: Path, qwen: Path
) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"), weights_folder)
    yield home
    home.run("engine", "stop")


STEPHEN = "Hi! I'm Stephen!\nWhat's my name?\n"
SMALL = ("-m", "smollm2-135m", "-o", "temperature=0")


def test_piped_lines_are_turns_and_the_history_is_replayed(home: Home) -> None:
    done = home.run("chat", stdin=STEPHEN)
    assert done.returncode == 0, done.stderr
    receipts = home.run("receipts", "list", "--json")
    newest, first = json.loads(receipts.stdout)[:2]
    assert "Stephen" in newest["answer"]
    assert newest["conversation"] == first["conversation"]


def test_without_memory_the_model_does_not_know(home: Home) -> None:
    done = home.run("chat", "--memory", "none", stdin=STEPHEN)
    assert done.returncode == 0, done.stderr
    newest = json.loads(home.run("receipts", "--json").stdout)[0]
    assert newest["question"] == "What's my name?"
    assert "Stephen" not in newest["answer"]


def test_ask_joins_standard_input_and_goes_on_with_c(home: Home) -> None:
    done = home.run("ask", *SMALL, "Name the capital of the country below.", stdin="France")
    assert "Paris" in done.stdout and done.returncode == 0
    shown = json.loads(home.run("show", "last", "--json").stdout)
    assert shown["request"]["messages"][-1]["parts"][0]["text"].endswith("below.\n\nFrance")
    again = home.run("ask", *SMALL, "-c", "Write that city's name again.")
    assert again.returncode == 0
    roles = [
        message["role"]
        for message in json.loads(home.run("show", "--json").stdout)["request"]["messages"]
    ]
    assert roles == ["user", "assistant", "user"]


def test_ask_json_is_the_receipt(home: Home) -> None:
    done = home.run("ask", *SMALL, "-s", "Be brief", "--json", "--no-log", "Name a colour.")
    receipt = json.loads(done.stdout)
    assert [m["role"] for m in receipt["request"]["messages"]] == ["system", "user"]
    assert home.run("show", receipt["id"]).returncode == 1, "it was not to be kept"


def test_prompt_is_a_dry_run(home: Home) -> None:
    before = home.run("receipts", "--json").stdout
    done = home.run("prompt", "-m", "smollm2-135m", "-s", "Be brief", "Hi!")
    assert "<|im_start|>" in done.stdout and "Be brief" in done.stdout
    value = json.loads(home.run("prompt", "-m", "smollm2-135m", "--json", "Hi!").stdout)
    assert value["budget"]["window"] == 8192
    assert value["budget"]["total"] == len(value["encoding"]["ids"])
    bare = home.run("prompt", "-m", "smollm2-135m", "--no-generation-prompt", "--json", "Hi!")
    assert len(json.loads(bare.stdout)["encoding"]["ids"]) < len(value["encoding"]["ids"])
    assert home.run("receipts", "--json").stdout == before


def test_show_in_the_terminal_and_as_a_page(home: Home, tmp_path: Path) -> None:
    home.run("ask", *SMALL, "Name the capital of France.")
    shown = home.run("show").stdout
    assert "Name the capital of France." in shown and "counted on the real ids" in shown
    page = tmp_path / "r.html"
    assert home.run("show", "last", "--html", str(page)).returncode == 0
    assert "Name the capital of France." in page.read_text("utf-8")
    bad = home.run("show", "last", "--html", "/no/such/folder/r.html")
    assert bad.returncode == 2 and "cannot be written" in bad.stderr


def test_receipts_found_exported_imported_deleted(home: Home, tmp_path: Path) -> None:
    home.run("ask", *SMALL, "-o", "max_tokens=4", "Xylophones are made of what?")
    found = json.loads(home.run("receipts", "search", "xylophones", "--json").stdout)
    assert len(found) == 1
    file = tmp_path / "r.jsonl"
    home.run("receipts", "export", "--search", "xylophones", str(file))
    assert json.loads(file.read_text("utf-8"))["id"] == found[0]["id"]
    assert "1 receipts deleted" in home.run("receipts", "delete", found[0]["id"]).stdout
    assert home.run("receipts", "search", "xylophones", "--json").stdout.strip() == "[]"
    assert "1 receipts added" in home.run("receipts", "import", str(file)).stderr
    assert home.run("show", found[0]["id"]).returncode == 0
    assert home.run("receipts", "delete").returncode == 2
    assert home.run("receipts", "delete", "--older-than", "soon").returncode == 2


def test_models_and_pull(home: Home) -> None:
    rows = json.loads(home.run("models", "--json").stdout)
    names = {row["name"] for row in rows}
    assert {"qwen2.5-coder-0.5b", "smollm2-135m"} <= names
    text = home.run("models").stdout
    assert "Apache-2.0" in text and "ready" in text
    done = home.run("pull", "smollm2-135m")
    assert done.returncode == 0 and Path(done.stdout.strip()).exists()


def test_where(home: Home) -> None:
    text = home.run("where", env={"PELLUCID_MEMORY": "last:3"}).stdout
    assert re.search(r"memory +last:3 +PELLUCID_MEMORY", text)
    assert str(home.folder / "data" / "pellucid" / "receipts.db") in text
    places = json.loads(home.run("where", "--json").stdout)
    assert places["settings"]["memory"]["from"] == "default"


def test_engine_status(home: Home) -> None:
    home.run("ask", *SMALL, "-o", "max_tokens=1", "Hi")
    text = home.run("engine", "status").stdout
    assert "answers" in text and "physical core" in text


BAD = [
    (("ask", "-m", "no-such-model", "Hi"), 1, "No model is called 'no-such-model'"),
    (("ask", "-m", "smollm2-135n", "Hi"), 1, "smollm2-135m"),
    (("ask", "-m", "/no/such/file.gguf", "Hi"), 1, "/no/such/file.gguf"),
    (("ask", "-m", "local", "-m", "smollm2-135m", "Hi"), 2, "2 models were named"),
    (("ask",), 2, "Nothing was asked"),
    (("ask", "-o", "warmth=1", "Hi"), 2, "temperature"),
    (("ask", "-o", "temperature=hot", "Hi"), 2, "takes a number"),
    (("ask", "--memory", "some", "Hi"), 2, "last:N"),
    (("show", "nothing-of-that-id"), 1, "nothing-of-that-id"),
    (("frobnicate",), 2, "invalid choice"),
]


@pytest.mark.parametrize(("words", "code", "says"), BAD)
def test_bad_input_is_a_sentence(home: Home, words: tuple[str, ...], code: int, says: str) -> None:
    done = home.run(*words)
    assert done.returncode == code
    assert says in done.stderr
    assert done.stdout == ""


def test_invalid_utf8_names_the_byte(home: Home) -> None:
    done = home.run("ask", "Hi", stdin=b"ab\xff")
    assert done.returncode == 2 and "Byte 2 (0xff, counted from 0) of standard input" in done.stderr
    done = home.run("chat", *SMALL, stdin=b"Hi\n\xc3(\n")
    assert done.returncode == 2 and "line 2" in done.stderr
    assert json.loads(home.run("receipts", "--json").stdout)[0]["question"] == "Hi"


def test_a_prompt_longer_than_the_window_is_refused(home: Home) -> None:
    before = home.run("receipts", "--json").stdout
    done = home.run("ask", *SMALL, stdin="word " * 9000)
    assert done.returncode == 1
    assert "8,192" in done.stderr and "9,0" in done.stderr
    assert home.run("receipts", "--json").stdout == before


def test_a_failed_turn_does_not_end_the_piped_conversation(home: Home) -> None:
    lines = "Hi\n/nonsense\n" + "word " * 9000 + "\nName the capital of France.\n"
    done = home.run("chat", *SMALL, stdin=lines)
    assert done.returncode == 1
    assert "no command /nonsense" in done.stderr and "8,192" in done.stderr
    assert "Paris" in done.stdout


def test_commands_in_a_conversation(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "talk.json"
    lines = [
        "/prompt", "Name the capital of France.", "/prompt", "/tokens", "/why", "/undo",
        "/system Answer in one word.", "Name the capital of Italy.", "/retry",
        f"/save {file}", "/forget", "/help",
    ]  # fmt: skip
    done = home.run("chat", *SMALL, stdin="\n".join(lines) + "\n")
    assert "Nothing has been sent yet" in done.stderr
    assert "<|im_start|>" in done.stdout and "%" in done.stdout
    assert "taken back: Name the capital of France." in done.stdout
    messages = json.loads(file.read_text())
    assert [m["role"] for m in messages] == ["system", "user", "assistant"]
    assert messages[0]["content"] == "Answer in one word."


def test_a_closed_pipe_is_not_a_traceback(home: Home) -> None:
    command = f"{sys.executable} -m pellucid show last --json | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], env=home.environ, capture_output=True, text=True, check=False
    )
    assert done.stdout == "{" and "Traceback" not in done.stderr
    assert done.returncode in (0, 141)


def test_an_unwritable_and_a_newer_store(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "data" / "pellucid" / "receipts.db"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is no database" * 100)
    env = {"XDG_DATA_HOME": str(tmp_path / "data")}
    done = home.run("ask", *SMALL, "Hi", env=env)
    assert done.returncode == 1 and str(file) in done.stderr
    assert file.read_bytes() == b"this is no database" * 100
    assert home.run("ask", *SMALL, "--no-log", "Hi", env=env).returncode == 0


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help(home: Home, command: str | None) -> None:
    done = home.run(*([command] if command else []), "--help")
    assert done.returncode == 0 and "usage:" in done.stdout


def test_names_complete(home: Home) -> None:
    def complete(line: str) -> str:
        env = {
            **home.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(home.folder / "completed"),
            "_ARGCOMPLETE_IFS": "\n",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        }
        program = Path(sys.executable).with_name("pellucid")
        subprocess.run([program], env=env, check=False, capture_output=True)
        return (home.folder / "completed").read_text()

    assert "receipts" in complete("pellucid rec")
    assert "smollm2-135m" in complete("pellucid ask -m smol")
    assert "--memory" in complete("pellucid chat --mem")
    assert "temperature=" in complete("pellucid ask -o temp")
    assert "pellucid" in home.run("completion", "bash").stdout


class Terminal:
    """A real terminal with `pellucid` in it."""

    def __init__(self, home: Home, *words: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(home.folder)
            command = [sys.executable, "-m", "pellucid", *words]
            os.execve(sys.executable, command, {**home.environ, "TERM": "xterm-256color"})
        self.seen = ""

    def until(self, pattern: str, seconds: float = 60) -> str:
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.seen!r}"
            if select.select([self.fd], [], [], 0.1)[0]:
                self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
        found, self.seen = self.seen, ""
        return found

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def close(self) -> int:
        """The exit code, once the program has ended by itself."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return code


def test_a_conversation_on_a_terminal(home: Home) -> None:
    terminal = Terminal(home, "chat", *SMALL)
    terminal.until(r"smollm2-135m.*\s+> ")
    terminal.type("Name the capital of France.\n")
    shown = terminal.until(r"tok/s[\s\S]*> $")
    assert "Paris" in shown and "of 8k window" in shown
    terminal.type("/why\n")
    assert "\x1b[" in terminal.until(r"%[\s\S]*> $")
    terminal.type("Write an endless story about foxes.\n")
    terminal.until(r"foxes\.\r\n")  # what was typed, echoed
    terminal.until(r"\w+ \w+ \w+")
    os.kill(terminal.pid, signal.SIGINT)
    terminal.until(r"tok/s|out[\s\S]*> $", 10)
    terminal.type("Say only: yes\n")
    terminal.until(r"tok/s[\s\S]*> $")
    terminal.type("\x04")
    terminal.until(r"\n")
    assert terminal.close() == 0
    rows = json.loads(home.run("receipts", "--json").stdout)
    assert [row["finish"] for row in rows[:3]] == ["stop", "cut", "stop"]


def shell(home: Home, command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A line of bash in which `pellucid` is this one."""
    return subprocess.run(
        ["bash", "-c", f'pellucid() {{ "{sys.executable}" -m pellucid "$@"; }}; {command}'],
        env={**home.environ, **env},
        cwd=home.folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("pellucid where >/dev/full", "No space left"),
        ("pellucid models >/dev/full", "No space left"),
        ("XDG_STATE_HOME=/dev/null pellucid ask -m small hi", "XDG_STATE_HOME"),
        ("XDG_CACHE_HOME=/dev/null pellucid ask -m $GGUF hi", "cannot be written"),
        ("printf '\\xff' >bad.jsonl; pellucid receipts import bad.jsonl", "not UTF-8"),
        ("pellucid receipts -n 99999999999999999999", "not a number of receipts"),
        ("pellucid ask -m '' hi", "empty"),
        ("pellucid ask -m small $'bad\\xff'", "lone surrogate"),
        ("pellucid ask -m small -o temperature=inf hi", "temperature is inf"),
        ("pellucid ask -m small -o max_tokens=0 hi", "max_tokens is 0"),
        ("PELLUCID_SOURCES=foo pellucid models", "path, caches, hub, index"),
        ("PELLUCID_WINDOW=abc pellucid where", "whole number"),
        ("PELLUCID_ENGINE=http://u:sesame@127.0.0.1:1 pellucid ask -m small hi", "LLAMA_API_KEY"),
        ("pellucid receipts delete nosuchid", "nosuchid"),
    ],
)
def test_more_bad_input_is_a_sentence(home: Home, smol: Path, command: str, says: str) -> None:
    done = shell(home, command, GGUF=str(smol))
    assert done.returncode != 0
    assert says in done.stderr and "Traceback" not in done.stderr
    assert "sesame" not in done.stderr


@pytest.mark.parametrize("command", ["pellucid where >&-", "pellucid chat -m small <&-"])
def test_closed_descriptors(home: Home, command: str) -> None:
    done = shell(home, command)
    assert done.returncode == 0 and "Traceback" not in done.stderr


def test_odd_encodings_get_escapes(home: Home) -> None:
    done = shell(home, "pellucid prompt -m small hé", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "h\\xe9" in done.stdout


def test_receipts_know_a_model_by_all_its_names(home: Home) -> None:
    home.run("ask", *SMALL, "-o", "max_tokens=1", "Hi")
    assert json.loads(home.run("receipts", "-m", "small", "-n", "1", "--json").stdout)


def test_keys_are_nowhere(home: Home) -> None:
    """Twelve canaries in the environment; the bytes of everything written are searched."""
    names = [
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "HF_TOKEN",
        "GROQ_API_KEY",
        "MISTRAL_API_KEY",
        "OPENROUTER_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "CUDA_TOKEN",
        "OMP_SECRET_KEY",
        "PIP_PASSWORD",
    ]
    canaries = {name: f"canary-{number}-{name.lower()}" for number, name in enumerate(names)}
    assert len(canaries) == 12
    home.run("engine", "stop")
    outputs = [
        home.run("ask", *SMALL, "-o", "max_tokens=2", "Hi", env=canaries),
        home.run("ask", "-m", "no-such-model", "Hi", env=canaries),
        home.run("show", "--json", env=canaries),
        home.run("show", "--html", "canary.html", env=canaries),
        home.run("receipts", "export", "canary.jsonl", env=canaries),
        home.run("where", env=canaries),
    ]
    pid = json.loads(home.run("engine", "status", "--json").stdout)[0]["pid"]
    written = [Path(f"/proc/{pid}/environ").read_bytes()]
    written += [f"{done.stdout}{done.stderr}".encode() for done in outputs]
    written += [
        path.read_bytes()
        for path in home.folder.rglob("*")
        if path.is_file() and path.stat().st_size < 50_000_000
    ]
    assert len(written) > 10
    everything = b"".join(written)
    assert [name for name, value in canaries.items() if value.encode() in everything] == []
