"""The folder of a model that makes pictures, in the layout of diffusers' ONNX export.

https://huggingface.co/docs/optimum-onnx/onnxruntime/usage_guides/models
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BadModelFile
from ..value import value

INDEX = "model_index.json"
SCHEDULER = "scheduler/scheduler_config.json"
PARTS = ("text_encoder", "unet", "vae_decoder")
MODELS = tuple(f"{part}/model.onnx" for part in PARTS)
REQUIRED = (INDEX, SCHEDULER, *MODELS)
VOCABULARIES = (("tokenizer/tokenizer.json",), ("tokenizer/vocab.json", "tokenizer/merges.txt"))
"""Each is a whole one."""
OPTIONAL = (
    "tokenizer/tokenizer_config.json",
    "tokenizer/special_tokens_map.json",
    *(f"{part}/config.json" for part in PARTS),
    *(f"{part}/{data}" for part in PARTS for data in ("model.onnx_data", "weights.pb")),
)
"""The last are weights beside a `model.onnx` of more than 2 GB: Optimum's name, and diffusers'."""
PIPELINES = ("StableDiffusionPipeline", "OnnxStableDiffusionPipeline", "ORTStableDiffusionPipeline")
ONLY = "Pictures are made here by Stable Diffusion 1 and 2 and SD-Turbo, of one text encoder"


@value
class ModelFolder:
    """A folder with all the parts there. `side` is the length of a picture's sides that the model
    was trained for, `scale` how many pixels of it one number of a latent stands for."""

    path: Path
    scheduler: Mapping[str, Any]
    side: int
    scale: int
    scaling: float
    """What the decoder's latents are multiplied by in the model."""

    def part(self, name: str) -> Path:
        return self.path / name / "model.onnx"


def read_folder(path: Path) -> ModelFolder:
    """The folder, its small files read. Raises `BadModelFile` for what is not such a model."""
    if lacking := missing(path):
        raise BadModelFile(
            f"{path} is not a whole model of pictures: {lacking} is missing. It is to have the "
            "layout of `optimum-cli export onnx`."
        )
    check_index(path)
    decoder = _json(path / "vae_decoder/config.json")
    try:
        scale = 2 ** (len(decoder.get("block_out_channels") or (0,) * 4) - 1)
        latent = _json(path / "unet/config.json").get("sample_size") or 64
        side = int(latent if not isinstance(latent, list) else min(latent)) * scale
        scaling = float(decoder.get("scaling_factor") or 0.18215)
    except (TypeError, ValueError) as error:
        raise BadModelFile(f"A config.json in {path} cannot be read: {error}.") from error
    return ModelFolder(path, _json(path / SCHEDULER), side, scale, scaling)


def missing(path: Path) -> str | None:
    """The first file that a whole folder has and this one has not."""
    for name in REQUIRED:
        if not (path / name).is_file():
            return name
    if any(all((path / name).is_file() for name in names) for names in VOCABULARIES):
        return None
    return VOCABULARIES[0][0]


def check_index(path: Path) -> None:
    """Raises `BadModelFile` where a folder's index names another kind of model."""
    kind = _json(path / INDEX).get("_class_name")
    if kind not in PIPELINES:
        raise BadModelFile(f"{ONLY}; {path} has a {kind}.")


def _json(path: Path) -> Mapping[str, Any]:
    """What a file says; nothing where it is not there."""
    try:
        found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise BadModelFile(f"{path} cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise BadModelFile(f"{path} cannot be read: it is no object.")
    return found
