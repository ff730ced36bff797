"""How a picture is to be made."""

from __future__ import annotations

import secrets
from dataclasses import replace

from ..errors import UsageError
from ..value import value
from .model_folder import ModelFolder

MULTIPLE = 8
"""Pixels in a step of a picture's sides."""
MOST_PIXELS = 1 << 20
"""What the memory for one grows with the square of."""
MOST_STEPS = 100
MOST_GUIDANCE = 50.0
SEEDS = 1 << 32


@value
class Wish:
    """`size` is width and height in pixels; `None`: as the model is used to it.

    `steps` from noise to the picture; `guidance` is how much more the text says than none would:
    up to 1 nothing; a `seed` makes the same picture again.
    """

    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None

    def check(self) -> None:
        """Raises `UsageError` for what is out of bounds."""
        if self.size is not None:
            width, height = self.size
            odd = width % MULTIPLE or height % MULTIPLE or min(self.size) <= 0
            if odd or width * height > MOST_PIXELS:
                raise UsageError(
                    f"The size is {width}x{height}; both sides are multiples of {MULTIPLE}, and "
                    f"{MOST_PIXELS:,} pixels, as in 1024x1024, are the most."
                )
        if self.steps is not None and not 1 <= self.steps <= MOST_STEPS:
            raise UsageError(f"steps is {self.steps}; it goes from 1 to {MOST_STEPS}.")
        if self.guidance is not None and not 0 <= self.guidance <= MOST_GUIDANCE:
            raise UsageError(f"guidance is {self.guidance}; it goes from 0 to {MOST_GUIDANCE:g}.")
        if self.seed is not None and not 0 <= self.seed < SEEDS:
            raise UsageError(f"seed is {self.seed}; it goes from 0 to {SEEDS - 1}.")

    def following(self, number: int) -> Wish:
        """The same with a seed that is so many further on: for another picture of several."""
        assert self.seed is not None
        return replace(self, seed=(self.seed + number) % SEEDS)

    def settled(self, folder: ModelFolder) -> Wish:
        """With everything that is not said as the model is used to it, and a seed by chance.

        A model whose steps begin where there is noise alone ("trailing") is one of those that were
        distilled to need a single step and no guidance, as SD-Turbo is; any other gets 25 and 7.5.
        """
        few = folder.scheduler.get("timestep_spacing") == "trailing"
        return replace(
            self,
            size=self.size or (folder.side, folder.side),
            steps=self.steps or (1 if few else 25),
            guidance=(0.0 if few else 7.5) if self.guidance is None else self.guidance,
            seed=secrets.randbelow(SEEDS) if self.seed is None else self.seed,
        )
