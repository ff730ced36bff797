"""The Responses API, both ways."""

from __future__ import annotations

import dialect_checks as checks
from pellucid.dialects import openai_responses
from pellucid.dialects.base import Dialect

DIALECT: Dialect = openai_responses


def test_requests_say_what_they_can() -> None:
    checks.check_requests(DIALECT)
    checks.check_plain_requests(DIALECT)


def test_replies_say_what_they_can() -> None:
    checks.check_streams(DIALECT)
    checks.check_whole_replies(DIALECT, ordered=True)


def test_errors_both_ways() -> None:
    checks.check_errors(DIALECT)
