"""Pictures made of a text by Stable Diffusion, on ONNX Runtime.

Noise is taken out step by step of a small array, the latents, by a network that reads the text; a
decoder makes pixels of what is left: https://arxiv.org/abs/2112.10752. With guidance each step is
taken away from what it would be without a text: https://arxiv.org/abs/2207.12598.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import extra, threads
from ..errors import BadModelFile, EngineError, UsageError
from ..models.hosts import follow
from ..settings import Settings, load
from . import finding
from .model_folder import ONLY, PARTS, read_folder
from .network import Network, watched
from .picture import Picture
from .schedule import Schedule, schedule
from .wish import Wish
from .words import LENGTH, Words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

MOST_TEXT = 32_000
"""Characters, as in OpenAI's API. A model reads few of them, and 10 MB would take half a minute to
find out which."""
INPUTS = {"sample", "timestep", "encoder_hidden_states"}
Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""


class PictureModel:
    """A model in a folder. It may be used by several threads; they take turns.

    Raises `BadModelFile`, `NotInstalled`.
    """

    def __init__(self, path: Path, name: str, threads: int) -> None:
        self.name = name
        self.folder = read_folder(path)
        self._words = Words(path / "tokenizer")
        self._text, self._unet, self._decoder = (
            Network(self.folder.part(part), threads) for part in PARTS
        )
        if set(self._unet.inputs) != INPUTS:
            others = ", ".join(sorted(set(self._unet.inputs) ^ INPUTS))
            raise BadModelFile(f"{ONLY}; that of {path} differs in {others}.")
        self._lock = threading.Lock()

    def draw(
        self,
        text: str,
        wish: Wish | None = None,
        *,
        progress: Progress = lambda done, total: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Picture:
        """A picture of what the text says. `stopped` is asked whether to leave off.

        Raises `UsageError` for a wish that is out of bounds and an empty text, `EngineError` where
        the model fails, `PellucidError` once stopped.
        """
        import numpy as np

        wish = wish or Wish()
        check(text, wish)
        wish = wish.settled(self.folder)
        assert wish.size and wish.steps and wish.guidance is not None and wish.seed is not None
        steps = schedule(self.folder.scheduler, wish.steps)
        width, height = (side // self.folder.scale for side in wish.size)
        noise = np.random.default_rng(wish.seed).standard_normal((1, 4, height, width), np.float32)
        with self._lock, watched(stopped) as running:
            pixels = self.pixels(text, noise, steps, wish.guidance, running, progress)
        return Picture(
            text=text,
            pixels=pixels.tobytes(),
            size=wish.size,
            model=self.name,
            steps=wish.steps,
            guidance=wish.guidance,
            seed=wish.seed,
            notes=self._notes(text),
        )

    def _notes(self, text: str) -> tuple[str, ...]:
        left = self._words.ids(text)[1]
        if not left:
            return ()
        tokens = "token was" if left == 1 else f"{left} tokens were"
        return (f"The last {tokens} not drawn: the model reads {LENGTH - 2}.",)

    def pixels(
        self,
        text: str,
        noise: Array,
        steps: Schedule,
        guidance: float,
        running: Any = None,
        progress: Progress = lambda done, total: None,
    ) -> NDArray[np.uint8]:
        """Noise of the shape 1, 4, height, width of the latents -> height, width, 3 of the picture.

        `running` are what `watched` gives, by which it can be ended.
        """
        import numpy as np

        states = [self._states(text, running)]
        if guidance > 1:
            states.append(self._states("", running))
        sample = noise * np.float32(steps.start)
        progress(0, len(steps.times))
        for i, time in enumerate(steps.times):
            seen = steps.scaled(sample, i)
            predicted, *without = (self._predicted(seen, time, each, running) for each in states)
            for other in without:
                predicted = other + guidance * (predicted - other)
            sample = steps.next(sample, predicted, i).astype(np.float32)
            progress(i + 1, len(steps.times))
        latents = sample / self.folder.scaling
        decoded = self._decoder.run({self._decoder.inputs[0]: latents}, running)
        if not np.isfinite(decoded).all():
            raise EngineError(
                f"{self.name} counted beyond what its numbers hold. Where they have 16 bits, an "
                "export with 32 may do."
            )
        picture = np.clip(decoded[0] / 2 + 0.5, 0, 1) * 255
        found: NDArray[np.uint8] = picture.round().astype(np.uint8).transpose(1, 2, 0)
        return found

    def _states(self, text: str, running: Any) -> Array:
        """What the text encoder makes of a text: 1, `LENGTH`, as wide as the model."""
        return self._text.run({self._text.inputs[0]: [self._words.ids(text)[0]]}, running)

    def _predicted(self, sample: Array, time: float, states: Array, running: Any) -> Array:
        whole = self._unet.whole("timestep")
        at = [round(time) if whole else time]
        feed = {"sample": sample, "timestep": at, "encoder_hidden_states": states}
        return self._unet.run(feed, running)


def check(text: str, wish: Wish) -> None:
    """Raises `UsageError` for what cannot be drawn, before a model is opened for it."""
    if not text.strip():
        raise UsageError("The text is empty; there is nothing to draw.")
    if len(text) > MOST_TEXT:
        raise UsageError(
            f"The text has {len(text):,} characters; {MOST_TEXT:,} are the most, and a model reads "
            f"no more than {LENGTH - 2} tokens of them."
        )
    wish.check()


def open_picture_model(
    name: str,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    fetch: bool = True,
) -> PictureModel:
    """The model called `name`: its folder, or `hf:owner/name`, with `fetch` fetched if need be.

    The last one stays open. Raises `ModelError`, `NotInstalled`, `ModelUnavailable`,
    `BadModelFile`.
    """
    settings = settings or load()
    need_all()
    name = follow(name, settings.models)
    path = finding.locate(name, settings, progress, fetch=fetch).absolute()
    return _opened(path, finding.title(name), threads.choose(settings.threads)[0])


_open: dict[tuple[Path, str, int], PictureModel] = {}
_opening = threading.Lock()


def _opened(path: Path, name: str, count: int) -> PictureModel:
    """One takes gigabytes: the last one is let go before the next is read."""
    how = path, name, count
    with _opening:
        if how not in _open:
            _open.clear()
            _open[how] = PictureModel(*how)
        return _open[how]


def need_all() -> None:
    """Raises `NotInstalled` where a package of the extra is missing."""
    for module in ("onnxruntime", "tokenizers", "PIL.Image"):
        extra.need("pictures", module)


def draw(
    text: str,
    model: str,
    *,
    size: tuple[int, int] | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    seed: int | None = None,
) -> Picture:
    """A picture of what a text says: `pellucid.draw("a lighthouse", "sd-turbo").save("a.png")`.

    `model` is the folder of a Stable Diffusion exported to ONNX, or `hf:owner/name`. `size` is
    width and height in multiples of 8. What is not said is as the model is used to it. Raises
    `UsageError` for what is out of bounds, `ModelError` for a name of nothing, `BadModelFile`,
    `NotInstalled`, `ModelUnavailable`.
    """
    wish = Wish(size, steps, guidance, seed)
    check(text, wish)
    return open_picture_model(model).draw(text, wish)
