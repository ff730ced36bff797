"""Prices, costs, windows and forecasts, against the data set's own calculator."""

from __future__ import annotations

import subprocess
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import UsageError
from pellucid.models import price_list
from pellucid.models.windows import find_window, window_of
from pellucid.record.forecast import converse, forecast
from pellucid.record.prices import Line, Price, Rate, add, cost, price_of
from pellucid.replies import Usage

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


def priced_models() -> list[tuple[str, str]]:
    """Every model of the data set, as provider and model: the name itself is then unambiguous."""
    data = price_list._data()
    return [(seller.id, model.id) for seller in data.providers for model in seller.models]


def theirs(usage: Usage, model: str, provider: str, when: datetime) -> Decimal:
    """What the data set's calculator makes of the same usage."""
    import genai_prices

    counts = genai_prices.Usage(
        input_tokens=usage.input_total,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output_total,
        output_reasoning_tokens=usage.reasoning,
    )
    found = genai_prices.calc_price(
        counts, model, provider_id=provider, genai_request_timestamp=when
    )
    return found.total_price


tokens = st.integers(0, 400_000)
usages = st.builds(
    Usage, fresh=tokens, cache_read=tokens, cache_write=tokens, output=tokens, reasoning=tokens
)


@settings(max_examples=600)
@given(st.data(), usages, st.integers(0, 24 * 900))
def test_costs_equal_the_data_sets_own_calculator(data: Any, usage: Usage, hours: int) -> None:
    provider, model = data.draw(st.sampled_from(priced_models()))
    when = datetime(2024, 7, 1, tzinfo=UTC) + timedelta(hours=hours)
    price = price_of(model, provider, when=when)
    if price is None:
        return
    found = cost(usage, price)
    if found is None:
        assert price.input is None or (price.output is None and usage.output_total)
        return
    assert found.total == theirs(usage, model, provider, when)


def test_most_models_have_a_price() -> None:
    known = [price_of(model, provider, when=NOW) for provider, model in priced_models()]
    priced = [price for price in known if price and cost(Usage(fresh=1, output=1), price)]
    assert len(priced) > 1500  # so the property above is not about nothing


RECORDED: dict[str, tuple[str, str, dict[str, Any], Usage]] = {
    "openai chat: cached inside prompt_tokens, reasoning inside completion_tokens": (
        "openai",
        "chat",
        {
            "model": "gpt-5",
            "usage": {
                "prompt_tokens": 2006,
                "completion_tokens": 300,
                "total_tokens": 2306,
                "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 128},
            },
        },
        Usage(fresh=86, cache_read=1920, output=172, reasoning=128),
    ),
    "openai responses": (
        "openai",
        "responses",
        {
            "model": "gpt-4.1-mini",
            "usage": {
                "input_tokens": 1500,
                "input_tokens_details": {"cached_tokens": 1024},
                "output_tokens": 81,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 1581,
            },
        },
        Usage(fresh=476, cache_read=1024, output=81),
    ),
    "anthropic: cache reads and writes beside input_tokens": (
        "anthropic",
        "default",
        {
            "model": "claude-sonnet-4-5-20250929",
            "usage": {
                "input_tokens": 504,
                "cache_creation_input_tokens": 1230,
                "cache_read_input_tokens": 18000,
                "output_tokens": 97,
            },
        },
        Usage(fresh=504, cache_read=18000, cache_write=1230, output=97),
    ),
    "gemini: cached inside the prompt, thoughts beside the candidates": (
        "google",
        "default",
        {
            "modelVersion": "gemini-2.5-flash",
            "usageMetadata": {
                "promptTokenCount": 5000,
                "cachedContentTokenCount": 4096,
                "candidatesTokenCount": 210,
                "thoughtsTokenCount": 640,
                "totalTokenCount": 5850,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5000}],
                "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 4096}],
                "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 210}],
            },
        },
        Usage(fresh=904, cache_read=4096, output=210, reasoning=640),
    ),
    "deepseek: hits and misses add up to prompt_tokens": (
        "deepseek",
        "chat",
        {
            "model": "deepseek-chat",
            "usage": {
                "prompt_tokens": 700,
                "prompt_cache_hit_tokens": 640,
                "prompt_cache_miss_tokens": 60,
                "completion_tokens": 55,
                "prompt_tokens_details": {"cached_tokens": 640},
                "total_tokens": 755,
            },
        },
        Usage(fresh=60, cache_read=640, output=55),
    ),
}


@pytest.mark.parametrize("recorded", RECORDED.values(), ids=RECORDED)
def test_recorded_usage_costs_what_the_provider_bills(
    recorded: tuple[str, str, dict[str, Any], Usage],
) -> None:
    from genai_prices import extract_usage

    provider, flavor, response, usage = recorded
    extracted = extract_usage(response, provider_id=provider, api_flavor=flavor)
    assert extracted.model is not None
    price = price_of(extracted.model.id, provider, when=NOW)
    assert price is not None
    found = cost(usage, price)
    assert found is not None
    assert found.total == extracted.calc_price(genai_request_timestamp=NOW).total_price
    assert sum(line.count for line in found.lines) == usage.input_total + usage.output_total


def test_lines_are_exact_and_add_up() -> None:
    price = price_of("gpt-4o-mini", when=NOW)
    assert price is not None
    one = cost(Usage(fresh=1), price)
    assert one is not None and one.total == Decimal("1.5E-7")
    found = cost(Usage(fresh=7, cache_read=1999, output=333, reasoning=1), price)
    assert found is not None
    assert [line.bucket for line in found.lines] == ["fresh", "cache_read", "output", "reasoning"]
    assert all(type(line.amount) is Decimal for line in found.lines)
    assert found.total == (7 * 15 + 1999 * Decimal("7.5") + 334 * 60) / Decimal(10**8)


def test_a_formula_shows_its_arithmetic_and_its_date() -> None:
    price = price_of("gpt-4o", when=NOW)
    assert price is not None
    found = cost(Usage(fresh=1200, reasoning=10, known="estimated"), price)
    assert found is not None
    assert found.formula == (
        "1,200 fresh × $2.5 / 1,000,000 = $0.003; "
        "10 reasoning × $10 / 1,000,000 = $0.0001 (billed as output); "
        f"total $0.0031 ({price.source}, {price.dated})"
    )
    assert found.known == "estimated"
    assert price.source.startswith("genai-prices ")


def test_the_data_set_is_dated() -> None:
    dated = price_list.dated()
    assert dated is not None
    assert date(2026, 10, 1) <= dated <= datetime.now(UTC).date()


UNKNOWN = ("nope-9", "local", "llama-3.1-8b-instruct", "ollama:llama3.1", "/a/b.gguf", "", ":")


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_price_is_none(name: str) -> None:
    assert price_of(name) is None
    assert forecast(name, 1000, turns=3).send is None


def test_an_unknown_provider_is_none() -> None:
    assert price_of("gpt-4o", "no-such-provider") is None


def test_what_is_not_sold_by_the_token_has_no_price() -> None:
    assert price_of("whisper-1", "openai") is None


def test_a_used_bucket_without_a_rate_makes_the_cost_unknown() -> None:
    embedder = price_of("text-embedding-3-small")
    assert embedder is not None and embedder.output is None
    assert cost(Usage(fresh=10), embedder) is not None
    assert cost(Usage(fresh=10, output=1), embedder) is None


def test_nothing_used_costs_nothing() -> None:
    price = price_of("gpt-4o")
    assert price is not None
    found = cost(Usage(), price)
    assert found is not None and found.total == 0 and found.lines == ()


def test_overlapping_counts_are_refused() -> None:
    price = price_of("gpt-4o")
    assert price is not None
    with pytest.raises(UsageError, match="overlap"):
        cost(Usage(fresh=-5, cache_read=10), price)


def test_a_tier_applies_to_all_tokens_of_a_call() -> None:
    price = price_of("gemini-2.5-pro", when=NOW)
    assert price is not None and price.input is not None and price.input.tiers
    threshold, dear = price.input.tiers[-1]
    below = cost(Usage(fresh=threshold - 5, cache_read=5), price)
    above = cost(Usage(fresh=threshold - 5, cache_read=6), price)
    assert below is not None and above is not None
    assert below.lines[0].rate == price.input.base != dear
    assert above.lines[0].rate == dear


def test_prices_change_with_the_day() -> None:
    was = price_of("o3", when=datetime(2025, 5, 1, tzinfo=UTC))
    later = price_of("o3", when=datetime(2025, 7, 1, tzinfo=UTC))
    assert was is not None and was.input == Rate(Decimal(10))
    assert later is not None and later.input == Rate(Decimal(2))


NAMES = (
    ("gpt-4o", "openai", "gpt-4o"),
    ("GPT-4o ", "openai", "gpt-4o"),
    ("gpt-4.1-mini", "openai", "gpt-4.1-mini"),
    ("openai/gpt-4o", "openai", "gpt-4o"),
    ("openai:gpt-4o", "openai", "gpt-4o"),
    ("anthropic:claude-haiku-4-5", "anthropic", "claude-haiku-4-5"),
    ("claude-haiku-4-5-20251001", "anthropic", "claude-haiku-4-5"),
    ("gemini-2.5-pro", "google", "gemini-2.5-pro"),
    ("models/gemini-2.5-pro", "google", "gemini-2.5-pro"),
    ("openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o"),
    ("azure/gpt-4o", "azure", "gpt-4o"),
    ("groq/llama-3.1-8b-instant", "groq", "llama-3.1-8b-instant"),
    ("text-embedding-3-small", "openai", "text-embedding-3-small"),
)


@pytest.mark.parametrize(("typed", "provider", "model"), NAMES)
def test_names_as_users_type_them(typed: str, provider: str, model: str) -> None:
    price = price_of(typed)
    assert price is not None
    assert (price.provider, price.model) == (provider, model)


def test_a_provider_beside_the_name_is_the_one_asked() -> None:
    for typed in ("gpt-4o", "azure/gpt-4o"):
        price = price_of(typed, "azure")
        assert price is not None and price.provider == "azure"


WINDOWS = (
    ("gpt-4o", 128_000),
    ("openai/gpt-4", 8_192),
    ("anthropic:claude-haiku-4-5", 200_000),
    ("gemini-2.5-pro", 1_048_576),
    ("meta-llama/Meta-Llama-3.1-8B-Instruct", 131_072),
    ("llama3.1:8b", 131_072),
    ("ollama:llama3:8b", 8_192),
    ("Llama-2-7b-chat-hf", 4_096),
    ("Qwen/Qwen2.5-0.5B-Instruct-GGUF", 32_768),
    ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", 32_768),
    ("phi-3", 4_096),
    ("microsoft/Phi-3-mini-128k-instruct", 131_072),
    ("mistral-7b-v0.1", 8_192),
    ("Mistral-7B-Instruct-v0.1", 8_192),
    ("Mistral-7B-Instruct-v0.3", 32_768),
    ("SmolLM2-135M-Instruct", 8_192),
    ("gemma-3-1b-it", 32_768),
    ("gemma2:9b", 8_192),
    ("llama-2-7b-32k", None),  # trained further by somebody: not known, rather than wrong
    ("qwen2.5-7b-instruct-1m", None),
    ("llama", None),
    ("nope-9", None),
    ("", None),
)


@pytest.mark.parametrize(("name", "window"), WINDOWS)
def test_windows(name: str, window: int | None) -> None:
    assert window_of(name) == window
    found = find_window(name)
    assert found is None or found.source.startswith(("https://", "genai-prices "))
    assert found is None or found.dated is not None


@settings(max_examples=60)
@given(st.integers(0, 5000), st.integers(1, 40), st.integers(0, 500), st.integers(0, 900))
def test_a_conversation_sends_its_whole_history(
    text: int, turns: int, per_turn: int, reply: int
) -> None:
    price = price_of("gpt-4o", when=NOW)
    assert price is not None
    found = converse(text, price, turns, per_turn, reply, window=20_000)
    history, sent, full = text, 0, None
    for turn in range(1, turns + 1):
        history += per_turn
        sent += history
        history += reply
        full = full or (turn if history > 20_000 else None)
    assert (found.usage.fresh, found.usage.output) == (sent, turns * reply)
    assert (found.longest, found.overflows) == (history, full)
    assert found.formula.endswith(f"= {sent:,} tokens in")
    assert found.cost is not None and found.cost.total == (
        sent * Decimal("2.5") + turns * reply * 10
    ) / Decimal(10**6)


def test_each_call_of_a_conversation_has_its_own_tier() -> None:
    price = Price("p", "m", Rate(Decimal(1), ((100, Decimal(2)),)), Rate(Decimal(0)))
    found = converse(80, price, turns=3, per_turn=10, reply=0)
    assert found.cost is not None  # 90 and 100 at 1, 110 at 2
    assert found.cost.total == Decimal(90 + 100 + 2 * 110) / 10**6


def test_a_fee_for_each_call_is_counted_for_each_call() -> None:
    price = Price("p", "m", Rate(Decimal(1)), Rate(Decimal(1)), request=Decimal(5))
    found = converse(10, price, turns=4, per_turn=0, reply=0)
    assert found.cost is not None
    assert found.cost.lines[1] == Line("request", 4, Decimal(5), per=1000)


def test_a_forecast_names_what_it_rests_on() -> None:
    found = forecast("gpt-4o", 1000, "estimated", turns=2, per_turn=10, reply=100)
    assert found.send is not None and found.send.known == "estimated"
    assert found.send.total == Decimal("0.0025")
    assert found.embed is not None and found.embed.total == Decimal("0.00002")
    assert found.fits == 128 and found.window is not None
    assert found.window.dated == price_list.dated()
    assert found.conversation is not None and found.conversation.usage.fresh == 1010 + 1120


def test_embedding_counted_for_another_model_is_an_estimate() -> None:
    found = forecast("gpt-4o", 10)
    assert found.embed is not None and found.embed.known == "estimated"
    found = forecast("text-embedding-3-small", 10)
    assert found.embed is not None and found.embed.known == "exact"


def test_a_forecast_of_an_unknown_model() -> None:
    found = forecast("nope-9", 1000, turns=5, per_turn=1, reply=1)
    assert (found.price, found.send, found.window, found.fits) == (None, None, None, None)
    assert found.conversation is not None and found.conversation.cost is None
    assert found.conversation.usage.fresh == 5000 + 15 + 10


def test_an_empty_text_fits_without_number() -> None:
    found = forecast("gpt-4o", 0)
    assert found.fits is None and found.send is not None and found.send.total == 0


@pytest.mark.parametrize("counts", [(1, 0, 0, 0), (-1, 1, 0, 0), (1, 1, -1, 0), (1, 1, 0, -1)])
def test_a_conversation_that_cannot_be(counts: tuple[int, int, int, int]) -> None:
    text, turns, per_turn, reply = counts
    with pytest.raises(UsageError):
        converse(text, None, turns, per_turn, reply)


def test_adding_nothing_is_refused() -> None:
    with pytest.raises(UsageError):
        add([])


def test_prices_another_library_fetched_are_not_used() -> None:
    from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot

    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=True))
    try:
        assert price_of("gpt-4o") is not None
    finally:
        set_custom_snapshot(None)


def test_no_network_no_thread_and_no_import_before_the_first_question() -> None:
    code = """
import socket, sys, threading
def refuse(*_, **__): raise AssertionError("a connection was tried")
socket.socket.connect = socket.getaddrinfo = refuse
import pellucid, pellucid.record.forecast
assert not {"genai_prices", "pydantic", "httpx2"} & set(sys.modules)
assert pellucid.record.forecast.forecast("gpt-4o", 1000, turns=2).send
assert threading.active_count() == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_data_set_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        price = price_of("claude-sonnet-4-5")
        assert price is not None and cost(Usage(fresh=1, cache_write=1), price)
