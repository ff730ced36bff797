"""Estimates of token counts, beside counts that were made."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from pellucid.tokens.estimates import Estimate, Family, estimate, family_of, scripts
from work import calls, is_linear

FAMILIES: tuple[Family, ...] = get_args(Family)
SAMPLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "estimates.json").read_text("utf-8")
)["samples"]


def guess(sample: dict[str, Any], family: Family) -> Estimate:
    return estimate(sample["text"], family, lambda _: sample["o200k"])


@pytest.mark.parametrize("family", FAMILIES)
def test_nine_in_ten_true_counts_lie_within_the_bounds(family: Family) -> None:
    within = [(found := guess(s, family)).low <= s[family] <= found.high for s in SAMPLES]
    assert len(within) >= 25
    assert sum(within) / len(within) >= 0.9


@pytest.mark.parametrize("family", FAMILIES)
def test_the_typical_error_is_small_and_beats_the_bare_count(family: Family) -> None:
    errors = [abs(guess(s, family).tokens / s[family] - 1) for s in SAMPLES]
    bare = [abs(s["o200k"] / s[family] - 1) for s in SAMPLES]
    assert statistics.median(errors) <= 0.09
    assert max(errors) <= 0.3
    if family != "gemini":  # Gemma's vocabulary is close to o200k's: both are about as good
        assert statistics.median(errors) < statistics.median(bare) / 4


@pytest.mark.parametrize("family", FAMILIES)
def test_no_sample_is_missed_by_most(family: Family) -> None:
    for sample in SAMPLES:
        found = guess(sample, family)
        assert 0 < found.low <= found.tokens <= found.high
        assert found.error < 0.35


def test_an_estimate_says_what_it_rests_on() -> None:
    found = estimate("An estimate of the tokens of the text, and of nothing else.", "claude", len)
    assert "o200k_base" in found.basis and "nine in ten" in found.basis
    assert f"{found.error:.0%}" != "0%"


def test_short_texts_have_wider_bounds() -> None:
    short = estimate("hello", "claude", lambda _: 1)
    long = estimate("hello " * 5000, "claude", lambda _: 5000)
    assert short.low == 1 and short.high >= 3
    assert long.error == pytest.approx(0.20, abs=0.01)
    assert short.error > 0.9


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_nothing(family: Family) -> None:
    found = estimate("", family, lambda _: 0)
    assert (found.tokens, found.low, found.high, found.error) == (0, 0, 0, 0.0)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", ["\n\n\n", "\x00\x01", "\ud800", "\U0010ffff", "٣", "½", "\x7f"])
def test_odd_characters_are_estimated_too(text: str, family: Family) -> None:
    found = estimate(text, family, lambda _: 3)
    assert 1 <= found.low <= found.tokens <= found.high


def test_the_count_is_asked_once_with_the_whole_text() -> None:
    asked: list[str] = []

    def count(text: str) -> int:
        asked.append(text)
        return 10

    estimate("один two 三", "gemini", count)
    assert asked == ["один two 三"]


def test_a_mixture_lies_between_its_scripts() -> None:
    def ratio(text: str) -> int:
        return estimate(text, "claude", lambda _: 10_000).tokens

    russian, hindi = "слово " * 50, "शब्द " * 50
    assert ratio(russian) < ratio(russian + hindi) < ratio(hindi)


def test_scripts_of_a_text() -> None:
    once = "digit punctuation greek cyrillic han hangul hebrew arabic emoji accented thai"
    found = scripts("ab1, Ω ж 日 かな 한 א ع 🎉 é ก\xa0\n")
    assert found == dict.fromkeys(once.split(), 1) | {"latin": 2, "kana": 2}
    assert scripts("the end of the line") == {"english": 15}
    assert scripts("hello") == {"latin": 5}


NAMES: tuple[tuple[str, Family | None], ...] = (
    ("claude-opus-4-7", "claude"),
    ("claude-opus-4.8", "claude"),
    ("claude-sonnet-5", "claude"),
    ("claude-fable-5-2", "claude"),
    ("claude-mythos-preview", "claude"),
    ("claude-opus-latest", "claude"),
    ("anthropic/claude-opus-4-7", "claude"),
    ("anthropic:claude-sonnet-4-6", "claude-3"),
    ("claude-sonnet-4-20250514", "claude-3"),
    ("claude-haiku-4-5@20251001", "claude-3"),
    ("claude-opus-4-1-20250805", "claude-3"),
    ("claude-3-5-sonnet-20241022", "claude-3"),
    ("claude-4.5-haiku", "claude-3"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-3"),
    ("claude-2.1", None),
    ("claude-instant-1.2", None),
    ("claude-instant", None),
    ("gemini-2.5-pro", "gemini"),
    ("models/gemini-2.0-flash", "gemini"),
    ("google/gemini-3-pro-preview", "gemini"),
    ("gpt-4o", None),
    ("llama-3.1", None),
    ("my-claude-like", None),
    ("", None),
)


@pytest.mark.parametrize(("name", "family"), NAMES)
def test_families_by_name(name: str, family: Family | None) -> None:
    assert family_of(name) == family


def test_no_tokenizer_is_imported() -> None:
    code = (
        "import sys, pellucid.tokens.estimates as e; e.estimate('x', 'gemini', len); "
        "print(*{'tiktoken', 'tokenizers', 'regex', 'numpy'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


def test_a_large_text_is_read_a_fixed_number_of_times() -> None:
    """By what is written in C; nothing is done for each of its characters or words."""
    text = "The quick brown fox jumps over the lazy dog. " * 20_000

    def of(text: str) -> Estimate:
        return estimate(text, "claude", lambda _: 200_000)

    assert calls(lambda: of(text)) <= calls(lambda: of(text[:1000]))
    assert is_linear(of, text[: len(text) // 8], text)
