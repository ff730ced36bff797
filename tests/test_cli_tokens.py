"""`pellucid tokens`, as a user types it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from cli_home import Home
from pellucid.cli.tokens import count

QWEN = ("-m", "qwen2.5-coder-0.5b")
SMOL = ("-m", "smollm2-135m")


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, weights_folder: Path, smol: Path, qwen: Path
) -> Home:
    return Home(tmp_path_factory.mktemp("home"), weights_folder)


def test_a_first_word_that_is_no_verb_is_the_text(home: Home) -> None:
    done = home.run("tokens", "Hi my name is Stephen", *QWEN)
    assert done.stdout.splitlines()[:5] == [
        "13048 = 'Hi'",
        "  847 = ' my'",
        "  829 = ' name'",
        "  374 = ' is'",
        "18095 = ' Stephen'",
    ]
    assert "5 tokens" in done.stdout
    assert home.run("tokens", *QWEN, "--ids", "Hi my").stdout == "13048 847\n"
    assert home.run("tokens", "--ids", *QWEN, stdin="Hi my").stdout == "13048 847\n"
    assert home.run("tokens", "encode", "count", "--ids", *SMOL).stdout == "4639\n"


def test_decode_is_the_way_back(home: Home) -> None:
    assert home.run("tokens", "--decode", "847", *QWEN).stdout == "' my'\n"
    several = home.run("tokens", "--decode", "13048,847", "829", *QWEN, "--json")
    assert json.loads(several.stdout)["text"] == "Hi my name"
    page = home.run("tokens", "--decode", "847", *QWEN, "--html", "d.html")
    assert page.returncode == 2 and "--decode makes text" in page.stderr


def test_json_has_ids_bytes_and_offsets(home: Home) -> None:
    value = json.loads(home.run("tokens", "a🦙", "--json", *QWEN).stdout)
    assert "".join(value["bytes"]) == "a🦙".encode().hex()
    assert value["offsets"][0] == [0, 1] and value["offsets"][-1] == [1, 2]
    assert "other_reading" not in value


def test_both_readings_of_what_spells_a_special_token(home: Home) -> None:
    text = "Hi<|im_end|>"
    value = json.loads(home.run("tokens", text, "--json", *QWEN).stdout)
    assert 151645 not in value["ids"]
    assert value["other_reading"]["ids"] == [13048, 151645]
    assert home.run("tokens", text, "--ids", "--specials", *QWEN).stdout == "13048 151645\n"
    shown = home.run("tokens", text, *QWEN).stdout
    assert "--specials" in shown and "151645 = '<|im_end|>'  control" in shown


def test_pages_hold_the_text_escaped(home: Home) -> None:
    assert home.run("tokens", "<script>x</script>", "--html", "a.html", *QWEN).returncode == 0
    page = (home.folder / "a.html").read_text("utf-8")
    assert "<script" not in page and "&lt;" in page and "Three ages" in page
    models = "smollm2-135m,qwen2.5-coder-0.5b"
    assert home.run("tokens", "compare", "Hi", "-m", models, "--html", "b.html").returncode == 0
    assert "<svg" in (home.folder / "b.html").read_text("utf-8")


def test_compare_sets_pieces_side_by_side(home: Home) -> None:
    words = ("tokens", "compare", "In 2026 it rains", "-m", "smollm2-135m,qwen2.5-coder-0.5b")
    lines = home.run(*words).stdout.splitlines()
    assert ["[In]", "[In]"] in [line.split() for line in lines]
    value = json.loads(home.run(*words, "--json").stdout)
    assert list(value["encodings"]) == ["smollm2-135m", "qwen2.5-coder-0.5b"]


def test_explain_ends_at_the_tokens(home: Home) -> None:
    value = json.loads(home.run("tokens", "explain", "Stephen's", *SMOL, "--json").stdout)
    first = value["pieces"][0]
    assert first["text"] == "Stephen" and first["start"] == list("Stephen")
    assert first["steps"][0]["made"] == "he"
    assert first["steps"][-1]["tokens"] == first["pieces"] == ["Stephen"]
    assert [age["length"] for age in value["ages"]] == [9, 1, 2]
    assert "'he'" in home.run("tokens", "explain", "Stephen's", *SMOL).stdout


def test_vocab_finds_pieces(home: Home) -> None:
    rows = json.loads(
        home.run("tokens", "vocab", *QWEN, "--grep", " the", "-n", "2", "--json").stdout
    )
    assert rows[0] == {"id": 279, "piece": " the", "bytes": b" the".hex(), "special": False}
    special = home.run("tokens", "vocab", *QWEN, "--special")
    assert "151645 = '<|im_end|>'" in special.stdout
    assert home.run("tokens", "vocab", *QWEN, "--grep", "no such piece").returncode == 1
    both = home.run("tokens", "vocab", *QWEN, "--special", "--grep", "end", "--json")
    kinds = [row["special"] for row in json.loads(both.stdout)]
    assert kinds == sorted(kinds, reverse=True) and {*kinds} == {True, False}
    assert home.run("tokens", "vocab", *QWEN, "-n", "-3").returncode == 2
    assert "ready" in home.run("tokens", "vocab").stdout
    words = home.run("tokens", "vocab", *QWEN, "--special", "--grep", " the", "-n", "1")
    assert (words.returncode, words.stdout) == (0, "279 = ' the'\n")


def test_vocab_passes_over_ids_that_are_not_used(home: Home) -> None:
    done = home.run("tokens", "vocab", "-m", "gpt-4o", "--grep", " and", "-n", "1")
    assert (done.returncode, done.stdout) == (0, "326 = ' and'\n"), done.stderr


def test_an_empty_name_is_no_model(home: Home) -> None:
    done = home.run("tokens", "Hi", "-m", "")
    assert (done.returncode, done.stdout) == (1, "") and "No model is called ''" in done.stderr


def test_a_file_that_is_no_vocabulary_is_named(home: Home) -> None:
    (home.folder / "tokenizer.json").write_text("garbage")
    done = home.run("tokens", "Hi", "-m", "./tokenizer.json")
    assert done.returncode == 1 and done.stderr.startswith("pellucid: tokenizer.json: It is not")
    (home.folder / "tokenizer.json").write_text('{"model')
    done = home.run("tokens", "Hi", "-m", "./tokenizer.json")
    said = "pellucid: tokenizer.json: It is not JSON: Unterminated string"
    assert done.stderr.startswith(said) and "tokenizers" not in done.stderr
    (home.folder / "tokenizer.json").unlink()


def test_train_shows_each_merge(home: Home) -> None:
    (home.folder / "corpus.txt").write_text("low lower lowest " * 50)
    done = home.run("tokens", "train", "corpus.txt", "--vocab", "260", "--watch")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["0", "'l'", "+", "'o'", "→", "256", "'lo'", "150×"]
    assert "260 tokens: 256 bytes and 4 merges" in done.stdout
    few = home.run("tokens", "train", "corpus.txt", "--vocab", "100")
    assert few.returncode == 2 and "larger" in few.stderr


def test_count_files_folders_lines_and_standard_input(home: Home) -> None:
    folder = home.folder / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / "one.txt").write_text("Hi my name")
    (folder / "deep" / "two.md").write_text("Hi")
    (folder / ".hidden").write_text("Hi")
    (folder / "image.png").write_bytes(b"\x89PNG\0\0")
    (home.folder / "x.jsonl").write_text('{"text": "Hi my"}\n{"text": "name"}\n')
    done = home.run(
        *("tokens", "count", "docs", "x.jsonl", "-", *QWEN, "--field", "text", "--json"),
        stdin='{"text": "Hi"}\n',
    )
    counts = {row["name"]: row["tokens"] for row in json.loads(done.stdout)["files"]}
    assert counts == {"docs/deep/two.md": 1, "docs/one.txt": 3, "x.jsonl": 3, "standard input": 1}
    assert "skipped 1 binary file: docs/image.png" in done.stderr
    assert done.returncode == 0
    table = home.run("tokens", "count", "docs", *QWEN).stdout
    assert "2 files in all" in table and table.splitlines()[3].split()[0] == "4"


def test_count_fails_for_what_was_named_and_is_no_text(home: Home) -> None:
    (home.folder / "utf16.txt").write_bytes("Hi".encode("utf-16"))
    (home.folder / "plain.txt").write_text("Hi")
    done = home.run("tokens", "count", "utf16.txt", "plain.txt", *QWEN)
    assert done.returncode == 1 and "plain.txt" in done.stdout
    assert done.stderr == "pellucid: utf16.txt is binary, or text that is not UTF-8\n"
    assert home.run("tokens", "count", "-", *QWEN, stdin=b"\0\1").returncode == 1
    (home.folder / "empty").mkdir()
    done = home.run("tokens", "count", "empty", *QWEN)
    assert done.returncode == 2 and "no text to count in empty" in done.stderr


def test_count_says_how_many_lines_lack_the_field(home: Home) -> None:
    (home.folder / "some.jsonl").write_text('{"text": "Hi my"}\n{"a": 1}\n{"b": 2}\n')
    done = home.run("tokens", "count", "some.jsonl", *QWEN, "--field", "text")
    assert done.returncode == 0
    assert "some.jsonl: 2 lines have no field 'text', not counted" in done.stderr


def test_count_names_the_broken_byte(home: Home) -> None:
    (home.folder / "broken.txt").write_bytes(b"Hi\xff my")
    done = home.run("tokens", "count", "broken.txt", *QWEN)
    assert done.returncode == 1
    assert "broken.txt: byte 2 (0xff, counted from 0) is not UTF-8; --replace" in done.stderr
    mended = home.run("tokens", "count", "broken.txt", "--replace", *QWEN)
    assert mended.returncode == 0 and "bytes replaced" in mended.stdout


def test_an_unknown_price_is_unknown(home: Home) -> None:
    done = home.run("tokens", "count", "-", *SMOL, "--cost", "--turns", "2", stdin="Hi")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["to", "send", "once", "unknown"] in [row[:4] for row in rows]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--decode", "99999999", *QWEN), "no token 99999999"),
        (("--decode=-1x", *QWEN), "not '-1x'"),
        (("--decode", "x1", *QWEN), "not 'x1'"),
        (("Hi", "-m", "qwen2.5-coderr"), "qwen2.5-coder"),
        (("Hi", "-m", "garbage.gguf"), "garbage.gguf"),
        (("count", "nowhere", *QWEN), "nowhere"),
        (("count", "-", "--turns", "3", *QWEN), "--cost"),
        (("compare", "Hi", *QWEN), "Name several"),
        (("train", "nowhere"), "nowhere"),
        (("explain", "", *QWEN), "nothing to explain"),
        (("Hi", "-m", "junk.tiktoken"), "not in tiktoken's format"),
        (("Hi", "-m", "/dev/null"), "/dev/null is no file that can be read as a vocabulary"),
        (("Hi", "-m", "./nowhere.json"), "`pellucid tokens vocab` lists"),
        (("Hi", "-m", "a..b/c"), "Cannot have -- or .. in repo_id"),
        ((), "There is no text"),
    ],
)
def test_bad_input_is_one_sentence(home: Home, words: tuple[str, ...], said: str) -> None:
    (home.folder / "garbage.gguf").write_bytes(b"not a model")
    (home.folder / "junk.tiktoken").write_text("junk")
    done = home.run("tokens", *words)
    assert done.returncode != 0 and done.stdout == ""
    assert said in done.stderr


def test_the_facts_of_gpt_4_1_mini(home: Home) -> None:
    words = ("Hi my name is Stephen", "-m", "gpt-4.1-mini", "--ids")
    assert home.run("tokens", *words).stdout == "12194 922 1308 382 34231\n"
    assert home.run("tokens", "--decode", "326", "-m", "gpt-4.1-mini").stdout == "' and'\n"


def test_what_is_added_is_said(home: Home) -> None:
    text = "Can you write an email explaining what an LLM is?"
    shown = home.run("tokens", text, "-m", "mistral-7b-v0.1").stdout
    assert shown.startswith("    1 = '<s>'  added\n 2418 = ' Can'\n")
    assert "adds <s> in front" in shown


def test_what_has_no_published_tokenizer_is_estimated(home: Home) -> None:
    shown = home.run("tokens", "Hi there my friend", "-m", "claude-opus-4-7").stdout
    assert shown.startswith("about ") and "estimated" in shown
    ids = home.run("tokens", "Hi", "--ids", "-m", "claude-opus-4-7")
    assert ids.returncode == 2 and "no published tokenizer" in ids.stderr


def test_cost_is_dated(home: Home) -> None:
    words = ("tokens", "count", "-", "-m", "gpt-4o", "--cost", "--turns", "10")
    shown = home.run(*words, stdin="Hi my name is Stephen").stdout
    assert "Prices of openai gpt-4o and " in shown and "128,000" in shown
    assert " as of 20" in shown and "Window as of 20" in shown
    value = json.loads(home.run(*words, "--json", stdin="Hi my name is Stephen").stdout)
    assert value["files"][0]["tokens"] == 5 and value["cost"]["turns"] == 10
    unpriced = home.run("tokens", "count", "-", *SMOL, "--cost", "--json", stdin="Hi").stdout
    found = json.loads(unpriced)["cost"]
    assert found["send"] is None and found["embed"] is not None
    assert found["dated"] and found["window_dated"] and found["window_source"]


def test_an_estimated_count_says_its_range(home: Home) -> None:
    (home.folder / "one.txt").write_text("Hi my name is Stephen. " * 20)
    command = ("tokens", "count", "one.txt", "-m", "claude-opus-4-5")
    file = json.loads(home.run(*command, "--json").stdout)["files"][0]
    assert file["low"] < file["tokens"] < file["high"]
    shown = home.run(*command, "--cost", "--turns", "3").stdout
    assert f"~{file['tokens']}  {file['low']} to {file['high']}" in shown
    assert "estimated: claude-opus-4-5 has no published tokenizer" in shown
    assert "exact" not in shown
    fits = next(line for line in shown.splitlines() if line.startswith("fit the context"))
    assert fits.split()[4].startswith("~")


def test_what_cannot_be_estimated_says_so(home: Home) -> None:
    done = home.run("tokens", "x", "-m", "grok-4")
    assert done.returncode == 1 and "nor, as nothing was measured, estimated" in done.stderr


def test_compare_estimates_what_has_no_published_tokenizer(home: Home) -> None:
    words = ("tokens", "compare", "In 2026 it rains", *SMOL, "-m", "gemini-2.5-pro")
    shown = home.run(*words).stdout
    assert "smollm2-135m" in shown and "estimated: gemini-2.5-pro has no published" in shown
    value = json.loads(home.run(*words, "--json").stdout)
    assert list(value["encodings"]) == ["smollm2-135m"]
    assert value["estimates"]["gemini-2.5-pro"]["known"] == "estimated"
    only = home.run("tokens", "compare", "x", "-m", "claude-opus-4-5", "-m", "gemini-2.5-pro")
    assert only.returncode == 0 and only.stdout.count("estimated: ") == 2
    names = (*SMOL, "-m", "gemini-2.5-pro")
    assert home.run("tokens", "compare", "x", *names, "--html", "c.html").returncode == 0
    page = (home.folder / "c.html").read_text("utf-8")
    assert "; estimated: gemini-2.5-pro has no published" in page and "\u21b5" not in page


def test_progress_tells_how_far_and_how_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(count, "SHOWN_EVERY", 0)
    with count._Progress(200_000_000) as progress:
        progress(50_000_000)
    line = shown.getvalue()
    assert "25% of 200 MB, " in line and " MB/s, " in line and " s left" in line
