"""The texts that ids of tokens spell, for callers that encode with a model's vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..errors import BadRequest, ModelError, TokenError, UnknownModel
from ..settings import Settings
from ..tokens import names


def texts_of(ids: Sequence[Sequence[int]], model: str, settings: Settings) -> tuple[str, ...]:
    """One text for each list. Raises `BadRequest` where no vocabulary of `model` is known and here,
    and for an id that it does not have."""
    from .tokenizers import open_tokenizer

    try:
        # By its row, since a name that came over the wire is to open no file; nor to fetch one.
        tokenizer = open_tokenizer(names.row(model).name, replace(settings, offline=True))
        return tuple(tokenizer.decode(each) for each in ids)
    except (ModelError, TokenError) as error:
        unknown = isinstance(error, UnknownModel)
        why = "no vocabulary has this name." if unknown else str(error)
        said = f"input holds ids of tokens, which cannot be read as those of {model}: {why}"
        raise BadRequest(f"{said} Send their text.", "input") from error
