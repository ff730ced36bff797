"""Ollama's own API, both ways."""

from __future__ import annotations

import dialect_checks as checks
from pellucid.dialects import gemini, ollama
from pellucid.dialects.ollama import generate


def test_requests() -> None:
    checks.check_requests(ollama)
    checks.check_plain_requests(ollama)


def test_replies() -> None:
    checks.check_streams(ollama)
    checks.check_whole_replies(ollama, ordered=False)
    checks.check_errors(ollama)


def test_generate() -> None:
    checks.check_requests(generate, share=0.01)
    checks.check_streams(generate)
    checks.check_whole_replies(generate, ordered=False)
    checks.check_errors(generate)


def test_translation_of_requests() -> None:
    for source, target in ((gemini, ollama), (ollama, gemini)):
        checks.check_request_translation(source, target)


def test_translation_of_replies() -> None:
    for source, target in ((gemini, ollama), (ollama, gemini)):
        checks.check_reply_translation(source, target)
