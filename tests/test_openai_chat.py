"""Chat Completions, both ways."""

from __future__ import annotations

import dialect_checks as checks
from pellucid.dialects import openai_chat as chat


def test_requests(full: bool) -> None:
    checks.check_requests(chat, 2000 if full else 200)


def test_plain_requests() -> None:
    checks.check_plain_requests(chat)


def test_streams(full: bool) -> None:
    checks.check_streams(chat, 2000 if full else 200)


def test_whole_replies(full: bool) -> None:
    checks.check_whole_replies(chat, 2000 if full else 200, ordered=False)


def test_errors() -> None:
    checks.check_errors(chat)


def test_translation_to_itself() -> None:
    checks.check_request_translation(chat, chat)
    checks.check_reply_translation(chat, chat)
