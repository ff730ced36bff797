"""The sampling settings of the embedded engine, with every default spelled out."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from ..messages import Options

DEFAULTS: dict[str, Any] = {
    # Low enough that a small model keeps to its facts, high enough that a retry may differ.
    "temperature": 0.3,
    "top_p": 0.95,
    "top_k": 40,
    "min_p": 0.05,
    "max_tokens": 2048,
}


def settle(options: Options, alternatives: int) -> Options:
    """Options with every choice made, the seed included, so that a receipt can be repeated.

    `alternatives` is the number of candidates kept for every token when the options name none.
    """
    chosen = {
        name: default if getattr(options, name) is None else getattr(options, name)
        for name, default in DEFAULTS.items()
    }
    seed = int.from_bytes(os.urandom(4)) if options.seed is None else options.seed
    if options.alternatives is not None:
        alternatives = options.alternatives
    return replace(options, **chosen, seed=seed, alternatives=alternatives)
