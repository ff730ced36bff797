"""Prompts that the caller wrote himself, taken as they are."""

from __future__ import annotations

from ..errors import UsageError
from ..messages import Request
from ..models.base import Model, Stopped
from ..models.local import LocalModel
from ..prompt.budget import require_fit
from ..prompt.values import Origin, Prompt, Span
from .answering import Preparing


def plain_prompt(text: str | tuple[int, ...]) -> Preparing:
    """Prepares a prompt that is a text, or ids, and nothing else."""

    def prepare(model: Model, request: Request, _: Stopped) -> tuple[Request, Prompt | None]:
        if not isinstance(model, LocalModel):
            return request, model.prepare(request)
        plain = text if isinstance(text, str) else model.tokenizer.decode(text)
        encoding = model.tokenizer.encode(plain)
        if not isinstance(text, str) and encoding.ids != text:
            raise UsageError("These ids are not how the model's vocabulary writes their text.")
        spans = (Span(0, len(encoding.text), Origin("message", message=0, part=0)),)
        prompt = Prompt(encoding, spans, ((0,),) * len(encoding), ("user",), True)
        if not len(prompt):
            raise UsageError("The prompt is empty; there is nothing to continue.")
        require_fit(prompt, model.window, request.options.max_tokens)
        return request, prompt

    return prepare
