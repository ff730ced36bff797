"""Pictures by a tiny Stable Diffusion of random weights, beside what diffusers draws with it.

`data/pictures/README.md` says how the model, the pictures and the ids were made.
"""

from __future__ import annotations

import gc
import http.server
import io
import json
import os
import shutil
import signal
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pellucid
from pellucid.cli.main import main
from pellucid.errors import (
    BadModelFile,
    EngineError,
    ModelError,
    ModelUnavailable,
    NotInstalled,
    PellucidError,
    UsageError,
)
from pellucid.pictures import drawing, finding
from pellucid.pictures.drawing import PictureModel
from pellucid.pictures.network import Network
from pellucid.pictures.schedule import schedule
from pellucid.pictures.wish import Wish
from pellucid.pictures.words import Words
from pellucid.settings import load

DATA = Path(__file__).parent / "data" / "pictures"
MODEL = DATA / "model"
PROMPT = "A lighthouse at dusk, in winter"
NOISE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}
CASES = {
    "turbo": ("epsilon", "trailing", 1, 0.0),
    "leading": ("epsilon", "leading", 4, 7.5),
    "linspace": ("epsilon", "linspace", 4, 7.5),
    "trailing": ("epsilon", "trailing", 4, 0.0),
    "v-leading": ("v_prediction", "leading", 4, 7.5),
    "v-trailing": ("v_prediction", "trailing", 3, 2.0),
    "v-linspace": ("v_prediction", "linspace", 4, 7.5),
}


@pytest.fixture(scope="module")
def model() -> PictureModel:
    return PictureModel(MODEL, "tiny", 1)


@pytest.fixture(scope="module")
def expected() -> Any:
    """What diffusers made: `noise`, and a picture for each of `CASES`."""
    return np.load(DATA / "expected.npz")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The model, to be changed."""
    return Path(shutil.copytree(MODEL, tmp_path / "model"))


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def config(prediction: str, spacing: str) -> dict[str, Any]:
    offset = {"steps_offset": 1} if spacing == "leading" else {}
    return {**NOISE, "prediction_type": prediction, "timestep_spacing": spacing, **offset}


def distance(one: Any, other: Any) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


# -- the numbers


@pytest.mark.parametrize("case", CASES)
def test_the_pixels_are_those_of_diffusers(model: PictureModel, expected: Any, case: str) -> None:
    """Of the same noise; nothing differs by more than what rounding makes of the last bit."""
    prediction, spacing, steps, guidance = CASES[case]
    plan = schedule(config(prediction, spacing), steps)
    made = model.pixels(PROMPT, expected["noise"], plan, guidance)
    assert made.shape == (32, 48, 3) and made.dtype == np.uint8
    assert distance(made, expected[case]) <= 1
    for other in CASES:  # so that a mistaken schedule is seen
        assert other == case or distance(expected[other], expected[case]) > 50


def test_parts_of_16_bits(folder: Path, expected: Any) -> None:
    shutil.copytree(DATA / "half", folder, dirs_exist_ok=True)
    half = PictureModel(folder, "half", 1)
    made = half.pixels(PROMPT, expected["noise"], schedule(config("epsilon", "trailing"), 1), 0)
    assert 0 < distance(made, expected["turbo"]) <= 4


@pytest.mark.parametrize("place", ("model", "half"))
def test_ids_are_those_of_transformers(place: str) -> None:
    """From `vocab.json` and `merges.txt`, and from `tokenizer.json`."""
    words = Words(DATA / place / "tokenizer")
    for text, ids in json.loads((DATA / "ids.json").read_text()).items():
        assert words.ids(text)[0] == ids, text


def test_nothing_in_a_text_is_a_control_token() -> None:
    for place in ("model", "half"):
        ids, left = Words(DATA / place / "tokenizer").ids("<|endoftext|> <|startoftext|>! \ud800")
        end = ids.index(528)
        assert ids[0] == 527 and 527 not in ids[1:] and left == 0
        assert 0 not in ids[:end] and set(ids[end + 1 :]) == {0}


@pytest.mark.parametrize(
    ("config", "names", "last"),
    (
        ({"pad_token": "!"}, {}, 0),
        ({}, {"pad_token": "!"}, 0),
        ({}, {}, 528),
        ({"pad_token": "<|endoftext|>"}, {"pad_token": {"content": "!"}}, 0),  # as SD 2 has it
        ({"pad_token": "<|endoftext|>", "added_tokens_decoder": {}}, {"pad_token": "!"}, 528),
        ({"pad_token": {"__type": "AddedToken", "content": "!"}}, {"bos_token": "a"}, 0),
    ),
)
def test_what_short_texts_are_filled_up_with(
    folder: Path, config: dict[str, Any], names: dict[str, Any], last: int
) -> None:
    """The id, as transformers reads these files."""
    (folder / "tokenizer/tokenizer_config.json").write_text(json.dumps(config))
    (folder / "tokenizer/special_tokens_map.json").write_text(json.dumps(names))
    assert Words(folder / "tokenizer").ids("a")[0][-1] == last


def test_levels_go_down_to_none() -> None:
    """The largest is that of `EulerDiscreteScheduler` for Stable Diffusion, 14.6146."""
    for spacing in ("linspace", "leading", "trailing"):
        for steps in (1, 2, 7, 25, 100):
            plan = schedule(config("epsilon", spacing), steps)
            assert len(plan.times) == steps and list(plan.levels) == sorted(plan.levels)[::-1]
            assert plan.levels[-1] == 0 and min(plan.times) >= 0 and max(plan.times) <= 999
    assert schedule(config("epsilon", "trailing"), 1).levels[0] == pytest.approx(14.6146, abs=1e-3)
    assert schedule(config("epsilon", "trailing"), 4).times == (999, 749, 499, 249)
    assert schedule(config("epsilon", "leading"), 4).times == (751, 501, 251, 1)
    assert schedule({}, 2).times == (999, 0)  # what diffusers takes where nothing is said
    told = {"trained_betas": [0.5] * 10, "timestep_spacing": "trailing"}
    assert schedule(told, 1).levels[0] == pytest.approx(1023**0.5)


@pytest.mark.parametrize(
    "wrong",
    (
        {"_class_name": "LCMScheduler"},
        {"_class_name": "FlowMatchEulerDiscreteScheduler"},
        {"rescale_betas_zero_snr": True},
        {"prediction_type": "sample"},
        {"beta_schedule": "squaredcos_cap_v2"},
        {"timestep_spacing": ["leading"]},
        {"beta_start": "small"},
    ),
)
def test_noise_that_is_not_known(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadModelFile):
        schedule({**NOISE, **wrong}, 4)


# -- a picture


def test_a_seed_makes_the_same_again(model: PictureModel) -> None:
    one, same, other = (model.draw(PROMPT, Wish(seed=seed)) for seed in (5, 5, 6))
    assert one == same and one.pixels != other.pixels
    assert (one.size, one.steps, one.guidance, one.model) == ((64, 64), 1, 0.0, "tiny")
    wide = model.draw(PROMPT, Wish(size=(96, 48), steps=2, guidance=3))
    assert wide.size == (96, 48) and wide.steps == 2 and len(wide.pixels) == 96 * 48 * 3
    assert model.draw(PROMPT).seed != model.draw(PROMPT).seed
    assert model.draw("a cat", Wish(seed=5)).pixels != one.pixels


def test_defaults_of_a_model_that_was_not_distilled(folder: Path) -> None:
    change(folder / "scheduler/scheduler_config.json", timestep_spacing="leading")
    made = PictureModel(folder, "tiny", 1).draw(PROMPT)
    assert (made.steps, made.guidance) == (25, 7.5)


def test_files(model: PictureModel, tmp_path: Path) -> None:
    made = model.draw(PROMPT, Wish(size=(48, 32), seed=1))
    for name, form in (("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.jpeg", "JPEG"), ("a.webp", "WEBP")):
        with Image.open(made.save(tmp_path / name)) as image:
            assert (image.format, image.size, image.mode) == (form, (48, 32), "RGB")
    with Image.open(io.BytesIO(bytes(made))) as image:
        assert image.tobytes() == made.pixels
    for name in ("a", "a.gif"):
        with pytest.raises(UsageError, match=r"\.png"):
            made.save(tmp_path / name)
    with pytest.raises(UsageError, match="webp"):
        made.encoded("gif")
    assert "48x32" in repr(made)


def test_a_notebook_shows_it() -> None:
    made: Any = pellucid.draw('<script>"', str(MODEL), size=(16, 16))
    shown = made._repr_html_()  # set on use
    assert 'src="data:image/png;base64,iVBOR' in shown and "<script>" not in shown
    assert 'alt="&lt;script&gt;&quot;"' in shown and type(made) is pellucid.Picture


def test_words_that_are_left_out_are_told_of(model: PictureModel) -> None:
    assert model.draw("house " * 75).notes == ()
    assert "The last token was not drawn" in model.draw("house " * 76).notes[0]
    assert "The last 6 tokens were not drawn" in model.draw("house " * 81).notes[0]


def test_progress_step_by_step(model: PictureModel) -> None:
    seen: list[tuple[int, int]] = []
    model.draw(PROMPT, Wish(steps=3), progress=lambda *now: seen.append(now))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_it_can_be_left_off_in_the_midst_of_a_step(model: PictureModel) -> None:
    began = threading.Event()

    def stopped() -> bool:
        return began.wait(0)

    def progress(done: int, total: int) -> None:
        assert done < 2
        began.set()

    with pytest.raises(PellucidError, match="unfinished"):
        model.draw(PROMPT, Wish((768, 768), steps=100), progress=progress, stopped=stopped)
    assert model.draw(PROMPT).pixels  # and goes on for others


@pytest.mark.parametrize(
    ("text", "wish", "said"),
    (
        (" \n", Wish(), "empty"),
        ("a " * 20_000, Wish(), "32,000"),
        ("a", Wish((0, 0)), "multiples of 8"),
        ("a", Wish((-8, 8)), "multiples of 8"),
        ("a", Wish((100, 64)), "multiples of 8"),
        ("a", Wish((10_000, 10_000)), "1024x1024"),
        ("a", Wish(steps=0), "1 to 100"),
        ("a", Wish(steps=101), "1 to 100"),
        ("a", Wish(guidance=-1), "0 to 50"),
        ("a", Wish(guidance=float("nan")), "0 to 50"),
        ("a", Wish(seed=-1), "0 to"),
        ("a", Wish(seed=1 << 32), "0 to"),
    ),
)
def test_wishes_out_of_bounds(model: PictureModel, text: str, wish: Wish, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        model.draw(text, wish)


# -- folders


@pytest.mark.parametrize(
    "name",
    (
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/model.onnx",
        "unet/model.onnx",
        "vae_decoder/model.onnx",
        "tokenizer/merges.txt",
    ),
)
def test_a_part_that_is_missing(folder: Path, name: str) -> None:
    (folder / name).unlink()
    said = "tokenizer/" if "tokenizer" in name else name
    with pytest.raises(BadModelFile, match=said):
        PictureModel(folder, "tiny", 1)


def test_small_files_that_may_be_missing(folder: Path, model: PictureModel) -> None:
    """Only what they say cannot be known then: what this one is used to."""
    for name in ("unet/config.json", "vae_decoder/config.json", "text_encoder/config.json"):
        (folder / name).unlink()
    other = PictureModel(folder, "tiny", 1)
    assert other.folder.side == 512
    wish = Wish((64, 64), seed=1)
    assert other.draw(PROMPT, wish).pixels == model.draw(PROMPT, wish).pixels


@pytest.mark.parametrize(
    ("name", "data", "said"),
    (
        ("unet/model.onnx", b"This is a text.\n" * 9, "unet/model.onnx cannot be read"),
        ("vae_decoder/model.onnx", b"", "vae_decoder/model.onnx cannot be read"),
        ("model_index.json", b"{", "model_index.json cannot be read"),
        ("scheduler/scheduler_config.json", b"[]", "no object"),
        ("vae_decoder/config.json", b'{"scaling_factor": "x"}', "cannot be read"),
        ("vae_decoder/config.json", b'{"block_out_channels": 3}', "cannot be read"),
        ("tokenizer/vocab.json", b"{}", "vocabulary"),
        ("tokenizer/vocab.json", b"\xff", "vocabulary"),
        ("tokenizer/tokenizer_config.json", b"[", "vocabulary"),
    ),
)
def test_files_that_are_broken(folder: Path, name: str, data: bytes, said: str) -> None:
    (folder / name).write_bytes(data)
    with pytest.raises(BadModelFile, match=said):
        PictureModel(folder, "tiny", 1)


def test_other_kinds_of_models(folder: Path) -> None:
    for kind in ("StableDiffusionXLPipeline", "FluxPipeline", "LatentConsistencyModelPipeline"):
        change(folder / "model_index.json", _class_name=kind)
        with pytest.raises(BadModelFile, match=f"one text encoder.* has a {kind}"):
            PictureModel(folder, "tiny", 1)
    change(folder / "model_index.json", _class_name="StableDiffusionPipeline")
    shutil.copy(folder / "vae_decoder/model.onnx", folder / "unet/model.onnx")
    with pytest.raises(BadModelFile, match="latent_sample, sample, timestep"):
        PictureModel(folder, "tiny", 1)


def test_a_part_that_fails(folder: Path) -> None:
    shutil.copy(folder / "text_encoder/model.onnx", folder / "vae_decoder/model.onnx")
    with pytest.raises(EngineError, match="vae_decoder"):
        PictureModel(folder, "tiny", 1).draw(PROMPT)


def test_numbers_that_overflow(model: PictureModel, expected: Any) -> None:
    plan = schedule(config("epsilon", "trailing"), 1)
    with pytest.raises(EngineError, match="beyond what its numbers hold"):
        model.pixels(PROMPT, expected["noise"] * np.inf, plan, 0)


# -- names


@contextmanager
def hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub on loopback with one repository, `painters/tiny`; what was asked of it."""
    from huggingface_hub import close_session

    asked: list[str] = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            _, owner, name, _, _, file = self.path.split("/", 5)
            data = b""
            if (owner, name) != ("painters", "tiny"):
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
            elif not (folder / file).is_file():
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
            else:
                data = (folder / file).read_bytes()
                self.send_response(200)
                self.send_header("ETag", f'"{file}"')
                self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    close_session()
    yield asked
    server.shutdown()
    server.server_close()
    close_session()


def test_a_repository_of_the_hub(
    home: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    for name in ("modeling.py", "unet/diffusion_pytorch_model.bin", "unet/model.onnx_data"):
        (folder / name).write_bytes(b"something")
    seen: list[tuple[int, int]] = []
    with hub(folder, monkeypatch) as asked:
        place = finding.locate("hf:painters/tiny", load(), lambda *now: seen.append(now))
        assert place == tmp_path / "other/pellucid/weights/hub/painters/tiny"
        got = {line.split("/", 5)[5] for line in asked if line.startswith("GET")}
    assert got == {
        *("model_index.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json"),
        *("tokenizer/merges.txt", "tokenizer/tokenizer_config.json", "unet/model.onnx_data"),
        *(f"{part}/model.onnx" for part in ("text_encoder", "unet", "vae_decoder")),
        *(f"{part}/config.json" for part in ("text_encoder", "unet", "vae_decoder")),
    }
    assert seen[-1][0] == seen[-1][1] and [done for done, _ in seen] == sorted(d for d, _ in seen)
    assert len({total for _, total in seen}) == 1
    made = pellucid.draw(PROMPT, "hf:painters/tiny", seed=1)  # the hub is gone
    assert made.model == "hf:painters/tiny"


def test_repositories_that_do_not_fit(
    home: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    with hub(folder, monkeypatch) as asked:
        (folder / "unet/model.onnx").rename(folder / "unet/model.safetensors")
        with pytest.raises(BadModelFile, match=r"no unet/model\.onnx: it is not exported to ONNX"):
            finding.locate("hf:painters/tiny", load())
        change(folder / "model_index.json", _class_name="FluxPipeline")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
        with pytest.raises(BadModelFile, match="FluxPipeline"):
            finding.locate("hf:painters/tiny", load())
        assert not any("onnx" in line for line in asked if line.startswith("GET"))
        (folder / "model_index.json").unlink()
        with pytest.raises(BadModelFile, match=r"owner/name/file\.gguf"):
            finding.locate("hf:painters/tiny", load())
        with pytest.raises(ModelUnavailable, match="no such repository"):
            finding.locate("hf:painters/other", load())
    with pytest.raises(ModelUnavailable, match="stay offline"):
        finding.locate("hf:painters/other", replace(load(), offline=True))
    with pytest.raises(ModelUnavailable, match="sources"):
        finding.locate("hf:painters/other", replace(load(), sources=("path",)))


def test_the_cache_of_other_tools(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every file is a link into a folder of blobs."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    place = tmp_path / "hf/hub/models--painters--cached"
    (place / "blobs").mkdir(parents=True)
    for i, path in enumerate(path for path in MODEL.rglob("*") if path.is_file()):
        blob = Path(shutil.copy(path, place / "blobs" / str(i)))
        link = place / "snapshots/0123" / path.relative_to(MODEL)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    assert pellucid.draw(PROMPT, "hf:painters/cached").size == (64, 64)


def test_names(home: Path, tmp_path: Path) -> None:
    long = f"hf:{'x' * 300}/y"  # a folder of such a name cannot even be looked for
    for name in (
        "nobody",
        "",
        "hf:a",
        "hf:../x",
        "hf:a/..",
        "openai:gpt-image-1",
        long,
        str(MODEL / "unet/model.onnx"),
    ):
        with pytest.raises(ModelError, match="hf:owner/name"):
            finding.locate(name, load())
    rows = {"painter": {"alias": str(MODEL)}}
    assert finding.locate("painter", replace(load(), models=rows)) == MODEL
    with pytest.raises(BadModelFile, match=r"model_index\.json is missing"):
        pellucid.draw(PROMPT, str(tmp_path))


def test_missing_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("onnxruntime", "tokenizers", "PIL.Image"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(NotInstalled, match=r"pip install 'pellucid\[pictures\]'"):
                pellucid.draw(PROMPT, str(MODEL))


# -- the command


@pytest.fixture(autouse=True)
def nothing_is_open() -> None:
    drawing._open.clear()


def test_one_is_let_go_before_another_is_read(
    home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = weakref.ref(drawing.open_picture_model(str(MODEL)))
    assert drawing.open_picture_model(str(MODEL)) is first()
    there: list[object] = []
    read = PictureModel.__init__

    def looked(self: PictureModel, path: Path, name: str, threads: int) -> None:
        gc.collect()
        there.append(first())
        read(self, path, name, threads)

    monkeypatch.setattr(PictureModel, "__init__", looked)
    drawing.open_picture_model(str(folder))
    assert there == [None]


def test_the_command(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["draw", *PROMPT.split(), "-m", str(MODEL), "--seed", "3", "--offline"]
    assert main([*words, "-o", "a.jpg", "--size", "48x32", "--steps", "2", "--json"]) == 0
    out, err = capsysbinary.readouterr()
    told = json.loads(out)
    assert told.pop("seconds") > 0 and err == b""
    wanted = {"file": "a.jpg", "text": PROMPT, "model": "model", "width": 48, "height": 32}
    assert told == {**wanted, "steps": 2, "guidance": 0.0, "seed": 3, "notes": []}
    with Image.open("a.jpg") as image:
        assert image.size == (48, 32)
    assert main(words) == 0  # into a pipe
    out, err = capsysbinary.readouterr()
    with Image.open(io.BytesIO(out)) as image:
        assert image.size == (64, 64)
    assert b"png: 64x64, 1 step, guidance 0, seed 3" in err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PROMPT.encode())))
    assert main(["draw", "-m", str(MODEL), "--seed", "3", "--offline"]) == 0
    assert capsysbinary.readouterr().out == out


@pytest.mark.parametrize(
    ("words", "said"),
    (
        (["a", "-o", "a.png"], "Which model"),
        (["a", "-m", str(MODEL), "-o", "a.gif"], ".png"),
        (["a", "-m", str(MODEL), "--json"], "-o picture.png"),
        (["a", "-m", str(MODEL), "-o", "a.png", "--size", "abc"], "512x512"),
        (["a", "-m", str(MODEL), "-o", "a.png", "--size", "9x9"], "multiples of 8"),
        ([" ", "-m", str(MODEL), "-o", "a.png"], "empty"),
        (["a", "-m", str(MODEL), "-o", "there/a.png"], "no folder there"),
        (["a", "-m", str(MODEL), "-o", "b.png"], "b.png is a folder"),
    ),
)
def test_commands_that_cannot_be(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, words: Any, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b.png").mkdir()
    assert main(["draw", *words]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "a.png").exists()


def test_the_command_names_what_is_wrong(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("nobody", "hf:owner/name"), ("hf:a/b", "offline"), (".", "is missing")
    for name, said in (*names, ("~nobody/there", "hf:owner/name")):
        assert main(["draw", "a", "-m", name, "-o", "a.png", "--offline"]) == 1
        assert said in capsys.readouterr().err


def test_ctrl_c_is_heard_in_the_midst_of_a_step(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run, runs = Network.run, 0

    def counted(self: Network, feed: dict[str, Any], running: Any) -> Any:
        nonlocal runs
        runs += 1
        if runs == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return run(self, feed, running)

    monkeypatch.setattr(Network, "run", counted)
    words = ["draw", "a", "-m", str(MODEL), "-o", "a.png", "--size", "512x512", "--steps", "100"]
    assert main(words) == 130
    assert runs < 50 and not (tmp_path / "a.png").exists()


def test_a_repository_can_be_pulled(
    home: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    with hub(folder, monkeypatch):
        assert main(["pull", "hf:painters/tiny"]) == 0
    out, err = capsys.readouterr()
    assert Path(out.strip()) == tmp_path / "other/pellucid/weights/hub/painters/tiny"
    assert "fetching 0 MB, once" in err
