"""The kept code of templates: used where it is sound, made anew where it is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import CodeType

import pytest

from chat_reference import TEMPLATES
from pellucid.prompt import codes
from pellucid.prompt.environment import TemplateEnvironment
from pellucid.prompt.sandbox import compile_template

NOW = datetime(2026, 1, 2)
SOURCE = "{% for message in messages %}<{{ message.role }}>{{ message['content'] }}{% endfor %}"
GIVEN = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that were really compiled."""
    seen: list[str] = []
    real = TemplateEnvironment.compile

    def compile(self: TemplateEnvironment, source: str) -> CodeType:
        seen.append(source)
        return real(self, source)

    monkeypatch.setattr(TemplateEnvironment, "compile", compile)
    return seen


def rendered(folder: Path, source: str = SOURCE) -> str:
    """As a process does that has not seen the template yet."""
    compile_template.cache_clear()
    return compile_template(source, folder).render(GIVEN, now=NOW).text


def the_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_a_template_is_compiled_once(tmp_path: Path, compiled: list[str]) -> None:
    folder = tmp_path / "not" / "there"
    assert [rendered(folder) for _ in range(3)] == ["<user>Hi"] * 3
    assert compiled == [SOURCE]
    assert the_file(folder).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_templates_render_from_kept_code_as_they_do_when_compiled(
    tmp_path: Path, compiled: list[str]
) -> None:
    given = {
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
        "add_generation_prompt": True,
        "bos_token": "<s>",
        "eos_token": "</s>",
    }
    for _ in range(2):
        for format in TEMPLATES.values():
            compile_template.cache_clear()
            kept = compile_template(format.text, tmp_path).render(given, now=NOW)
            assert kept == compile_template(format.text).render(given, now=NOW)
    sources = {format.text for format in TEMPLATES.values()}
    assert len(compiled) == 3 * len(sources)  # with code kept: only the first time


def flipped(place: int) -> Callable[[Path], None]:
    def flip(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[place % len(data)] ^= 0x10
        path.write_bytes(data)

    return flip


@pytest.mark.parametrize(
    "harm",
    [
        *map(flipped, (0, 31, 32, 33, 200, -1)),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes() + b"\0"),
        lambda path: path.chmod(0o644),
        lambda path: path.chmod(0o620),
    ],
)
def test_a_file_that_is_damaged_or_open_to_others_is_made_anew(
    tmp_path: Path, compiled: list[str], harm: Callable[[Path], None]
) -> None:
    rendered(tmp_path)
    harm(the_file(tmp_path))
    assert [rendered(tmp_path) for _ in range(2)] == ["<user>Hi"] * 2
    assert len(compiled) == 2
    assert the_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_the_file_of_another_user_does_not_count(
    tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(tmp_path)
    owner = the_file(tmp_path).stat().st_uid
    monkeypatch.setattr("os.getuid", lambda: owner + 1)
    rendered(tmp_path)
    assert len(compiled) == 2


def test_code_counts_for_its_own_template_and_compiler_only(
    tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(tmp_path, "another")
    other = the_file(tmp_path).read_bytes()
    the_file(tmp_path).unlink()
    rendered(tmp_path)
    the_file(tmp_path).write_bytes(other)
    assert rendered(tmp_path) == "<user>Hi"
    monkeypatch.setattr(codes, "_compiler", lambda: ("a later one",))
    assert rendered(tmp_path) == "<user>Hi"
    assert compiled == ["another", SOURCE, SOURCE, SOURCE]


def test_where_nothing_can_be_kept_templates_still_render(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert rendered(tmp_path / "file") == "<user>Hi"
