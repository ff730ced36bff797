"""How noise becomes a picture in a few steps: the noise levels that are gone down, and each step.

A model was trained to see how much noise is in a sample; Euler's method follows it down a row of
levels to none. The levels and steps are those of Karras et al., "Elucidating the Design Space of
Diffusion-Based Generative Models" (https://arxiv.org/abs/2206.00364, algorithm 1), over the noise
of Ho et al. (https://arxiv.org/abs/2006.11239); a model may tell of velocity instead, as in
Salimans and Ho (https://arxiv.org/abs/2202.00512). The fields of `scheduler_config.json`, and what
they are where one is missing, are those of diffusers' `scheduling_euler_discrete.py`.
https://github.com/huggingface/diffusers/blob/main/src/diffusers/schedulers/scheduling_euler_discrete.py
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import BadModelFile
from ..value import value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

OTHERS = ("LCMScheduler", "TCDScheduler", "FlowMatch")
"""What models are trained for that Euler's steps do not suit."""


@value
class Schedule:
    """Steps from noise to a picture.

    `times` are the training steps the model is told, one for each step; `levels` the noise there,
    as a standard deviation beside a signal of 1, and a last one of 0. `start` is that of the first
    sample. `velocity`: the model predicts velocity, not noise.
    """

    times: tuple[float, ...]
    levels: tuple[float, ...]
    start: float
    velocity: bool

    def scaled(self, sample: Array, step: int) -> Array:
        """The sample as the model was trained to see it: of variance 1."""
        return sample / math.sqrt(self.levels[step] ** 2 + 1)

    def next(self, sample: Array, predicted: Array, step: int) -> Array:
        """The sample with the noise of the next level, by what the model predicted."""
        level, lower = self.levels[step : step + 2]
        slope = predicted
        if self.velocity:  # the clean sample is `sample / (l² + 1) - velocity * l / √(l² + 1)`
            variance = level**2 + 1
            slope = sample * (level / variance) + predicted / math.sqrt(variance)
        return sample + slope * (lower - level)


def schedule(config: Mapping[str, Any], steps: int) -> Schedule:
    """The schedule of a model's `scheduler_config.json` in so many steps.

    Whatever sampler the file names, the steps are Euler's: its noise and its spacing are heeded.
    Raises `BadModelFile` for noise that a model was trained with and is not known here.
    """
    import numpy as np

    name = str(config.get("_class_name", ""))
    if name.startswith(OTHERS):
        raise BadModelFile(f"The model is for {name}; only Euler's steps are known here.")
    if config.get("rescale_betas_zero_snr"):
        raise BadModelFile("rescale_betas_zero_snr in scheduler_config.json is not known here.")
    prediction = _one_of(config, "prediction_type", ("epsilon", "v_prediction"))
    betas = _betas(config)
    kept = np.cumprod(1 - betas)
    levels = np.sqrt((1 - kept) / kept)
    count = len(betas)
    spacing = _one_of(config, "timestep_spacing", ("linspace", "leading", "trailing"))
    times: Any
    if spacing == "linspace":
        times = np.linspace(0, count - 1, steps)[::-1]
    elif spacing == "leading":
        times = np.arange(steps)[::-1] * (count // steps) + float(config.get("steps_offset", 0))
    else:
        times = np.round(np.arange(count, 0, -count / steps))[:steps] - 1
    used = np.interp(times, np.arange(count), levels)
    first = float(used[0])
    return Schedule(
        tuple(map(float, times)),
        (*map(float, used), 0.0),
        math.sqrt(first**2 + 1) if spacing == "leading" else first,
        prediction == "v_prediction",
    )


def _betas(config: Mapping[str, Any]) -> Any:
    """How much noise each training step added, float64."""
    import numpy as np

    try:
        if config.get("trained_betas") is not None:
            return np.array(config["trained_betas"], np.float64)
        kind = _one_of(config, "beta_schedule", ("linear", "scaled_linear"))
        count = int(config.get("num_train_timesteps", 1000))
        start, end = float(config.get("beta_start", 1e-4)), float(config.get("beta_end", 0.02))
        if kind == "linear":
            return np.linspace(start, end, count)
        return np.linspace(math.sqrt(start), math.sqrt(end), count) ** 2
    except (TypeError, ValueError) as error:
        raise BadModelFile(f"The noise in scheduler_config.json cannot be read: {error}.") from None


def _one_of(config: Mapping[str, Any], field: str, known: tuple[str, ...]) -> str:
    """What a field says; the first where it is missing."""
    said = config.get(field, known[0])
    if said not in known:
        raise BadModelFile(
            f"{field} is {said!r} in scheduler_config.json; known are {', '.join(known)}."
        )
    return str(said)
