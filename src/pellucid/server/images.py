"""Pictures: by a model of this machine, or by one at a host."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from ..dialects import openai_images, openai_responses
from ..dialects.base import Failure
from ..errors import BadRequest, NotInstalled, UsageError
from ..messages import Media, Text
from ..models.hosted import HostedModel
from ..models.hosts import Target
from ..pictures import drawing
from ..pictures.wish import Wish
from .failures import Refused
from .http_response import Response
from .kept import Kept, counted, reported
from .turns import Turn, at_host
from .visit import Visit, answer

DRAWING = "pellucid/pictures"
"""Its queue, among those of models."""
MOST_PIXELS = 768 * 768
"""Of one picture: a model like SD-Turbo took 9 GB for it. What attention takes of that grows with
the square, and who asks is not always who owns the memory."""
INSTEAD = "Or name a model of a host: openai:gpt-image-1."


async def images(visit: Visit) -> Response | None:
    asked = openai_images.decode_image_request(await visit.body())
    known = visit.server.models.known(asked.model)
    if isinstance(known, Target):
        kept, made = await _made_there(visit, asked)
    else:
        kept, made = await _made_here(visit, asked)
    encoded = openai_images.encode_images(made, int(time.time()))
    return answer(encoded, headers=kept.receipt_header)


async def _made_there(
    visit: Visit, asked: openai_images.IncomingImage
) -> tuple[Kept, tuple[Media, ...]]:
    model = await visit.model(asked.model)
    assert isinstance(model, HostedModel)
    if model.dialect.NAME not in ("openai", openai_responses.NAME):
        raise UsageError(f"{model.target.host.name} has no pictures.")
    outgoing = openai_images.encode_image_request(asked.request, model.target.model)
    wish = {name: outgoing.body.get(name) for name in ("n", "size", "quality", "output_format")}
    words = Text(asked.request.prompt)
    async with at_host(visit, model):
        with Kept(visit, "pictures", model, words, notes=asked.notes, settings=wish) as kept:
            for name in openai_images.OWN:
                if getattr(asked, name) is not None:
                    kept.note(f"{name} means nothing to a host and was left out.")
            body = (await kept.ask(outgoing)).body
            found = openai_images.decode_images(body)
            kept.usage = reported(body)
            _tell(kept, found)
    return kept, found


async def _made_here(
    visit: Visit, asked: openai_images.IncomingImage
) -> tuple[Kept, tuple[Media, ...]]:
    """Raises `Refused` where the extra is missing."""
    try:
        drawing.need_all()
    except NotInstalled as error:
        raise Refused(Failure(501, "rejected", f"{error} {INSTEAD}")) from None
    request, mime = asked.request, asked.request.mime or "image/png"
    wish = Wish(request.size, asked.steps, asked.guidance, asked.seed)
    _check_size(request.size)
    drawing.check(request.prompt, wish)
    name = visit.server.models.picture_model(asked.model)
    async with Turn(visit, DRAWING) as turn:
        settings = visit.server.settings
        model = await turn.do(lambda: drawing.open_picture_model(name, settings, fetch=False))
        wish = wish.settled(model.folder)
        _check_size(wish.size)  # what the model is used to may be more

        def make(number: int) -> tuple[Media, tuple[str, ...]]:
            picture = model.draw(request.prompt, wish.following(number), stopped=turn.stopped)
            data = picture.encoded(openai_images.form_of(mime))
            return Media("image", mime, data), picture.notes

        with _kept_here(visit, model.name, asked, wish) as kept:
            made: list[Media] = []
            for number in range(request.count):
                media, notes = await turn.do(partial(make, number))
                made.append(media)
                _tell(kept, made)
            for note in notes:
                kept.note(note)
    return kept, tuple(made)


def _check_size(size: tuple[int, int] | None) -> None:
    """Raises `BadRequest`."""
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        raise BadRequest(
            f"size is {size[0]}x{size[1]}; a server makes {MOST_PIXELS:,} pixels at most, as in "
            "768x768. `pellucid draw` goes up to 1024x1024.",
            "size",
        )


def _kept_here(visit: Visit, name: str, asked: openai_images.IncomingImage, wish: Wish) -> Kept:
    request = asked.request
    assert wish.size
    how = {
        "n": request.count,
        "size": "{}x{}".format(*wish.size),
        "steps": wish.steps,
        "guidance": wish.guidance,
        "seed": wish.seed,
        "output_format": openai_images.form_of(request.mime or "image/png"),
    }
    kept = Kept(visit, "pictures", name, Text(request.prompt), notes=asked.notes, settings=how)
    if request.quality:
        kept.note(
            "quality means nothing here and was left out; steps says how long it is worked on."
        )
    return kept


def _tell(kept: Kept, made: Sequence[Media]) -> None:
    size = sum(len(each.data or b"") for each in made)
    kept.made = f"{counted(len(made), 'picture')}, {size:,} bytes"
