"""How many tokens a request's prompt has."""

from __future__ import annotations

from ..dialects.base import Incoming
from ..errors import UsageError
from ..models.hosted import HostedModel
from ..models.token_counts import count_request
from .threads import in_thread
from .turns import at_host
from .visit import Visit


async def count(visit: Visit, incoming: Incoming) -> int:
    """Exact, of the prompt as the model would be given it; of one that is rendered out of sight, as
    its provider counts. Raises `UsageError` where it does not."""
    model = await visit.model(incoming.model)
    if isinstance(model, HostedModel):
        async with at_host(visit, model):
            return await count_request(model, incoming.request, visit.server.client)
    prompt = await in_thread(lambda: model.prepare(incoming.request))
    if prompt is None:
        raise UsageError(f"{model.name} has no prompt whose tokens could be counted.")
    return len(prompt)
