"""Google's Gemini API, both ways."""

from __future__ import annotations

import dialect_checks as checks
from pellucid.dialects import gemini


def test_requests() -> None:
    checks.check_requests(gemini)
    checks.check_plain_requests(gemini)


def test_replies() -> None:
    checks.check_streams(gemini)
    checks.check_whole_replies(gemini, ordered=True)
    checks.check_errors(gemini)
