"""How many tokens a request's prompt has."""

from __future__ import annotations

from ..dialects.base import Incoming
from ..errors import UsageError
from .models import in_thread
from .visit import Visit


async def count(visit: Visit, incoming: Incoming) -> int:
    """Exact, of the prompt as the model would be given it. Raises `UsageError` where its provider
    renders it out of sight."""
    model = await visit.model(incoming.model)
    prompt = await in_thread(lambda: model.prepare(incoming.request))
    if prompt is None:
        raise UsageError(
            f"The tokens of {model.name} are counted by its provider alone; ask there."
        )
    return len(prompt)
