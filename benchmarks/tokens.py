"""Tokens: counting, ids and offsets beside tiktoken, tokenizers and the engine itself.

English is Python's own language reference, code its standard library, Chinese a shuffle of common
words. Every engine has seen a text once before it is measured: what is remembered is part of how
the fast ones work; the first reading of a text is a row of its own.
"""

from __future__ import annotations

import random
import sysconfig
import time
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics

import tiktoken
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

import pellucid
from pellucid.tokens.pretokenize import STEPS
from pellucid.tokens.running import RunningCount
from pellucid.tokens.tokenizer import BpeTokenizer

from .measure import Row, interleaved, table

RUNS = 5
WORDS = "我们 今天 的 天气 很 好 ， 中国 经济 发展 了 。 学生 在 学校 里 学习 汉语 和 数学"


def run(runs: int = RUNS) -> str:
    ours = _opened("o200k_base")
    reference = _reference(ours)
    choose = random.Random(1)
    english = "\n".join(topics.values())
    library = Path(sysconfig.get_path("stdlib"))
    code = "".join(path.read_text("utf-8", "replace") for path in sorted(library.glob("a*.py")))
    chinese = "".join(choose.choices(WORDS.split(), k=100_000))
    messages = [english[i : i + 100] for i in range(0, len(english), 100)]
    ours.count(code + english)  # makes the engine
    rows = [_first(ours, english)]
    rows += _counting(runs, ours, reference, english, messages)
    for what, text, factor in (("English", english, 5), ("code", code, 5), ("Chinese", chinese, 2)):
        found = _speeds(
            runs, text, {"ours": lambda t: ours.ids(t), "tiktoken": reference.encode_ordinary}
        )
        rows.append(_ratio(f"ids, {what}", found, "tiktoken", factor))
    found = _speeds(
        runs,
        english[:200_000],
        {
            "ours": ours.encode,
            "tiktoken": lambda t: reference.decode_with_offsets(reference.encode_ordinary(t)),
        },
    )
    rows.append(_ratio("ids, pieces and character offsets, English", found, "tiktoken", 3))
    rows += [_qwen(runs, english[:200_000]), *_repeated(ours), _conversation(runs, ours, english)]
    return table("Tokens (o200k_base, one core)", rows)


def _opened(name: str) -> BpeTokenizer:
    plain = pellucid.tokenizer(name).plain
    assert isinstance(plain, BpeTokenizer)
    return plain


def _reference(ours: BpeTokenizer) -> tiktoken.Encoding:
    """tiktoken with the same vocabulary."""
    (pattern,) = STEPS[ours.vocabulary.pretokenizer].patterns
    return tiktoken.Encoding(
        "reference",
        pat_str=pattern,
        mergeable_ranks=dict(ours.vocabulary.normal()),
        special_tokens={},
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _speeds(runs: int, text: str, engines: dict[str, Callable[[str], object]]) -> dict[str, float]:
    """MB/s of each."""
    size = len(text.encode()) / 1e6
    for engine in engines.values():
        engine(text)
    found = interleaved(
        runs, {name: lambda e=e: _seconds(lambda: e(text)) for name, e in engines.items()}
    )
    return {name: size / seconds for name, seconds in found.items()}


def _listed(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {speed:.3g}" for name, speed in found.items()) + " MB/s"


def _ratio(what: str, found: dict[str, float], beside: str, factor: float) -> Row:
    ratio = found["ours"] / found[beside]
    measured = f"{_listed(found)}: {ratio:.1f} times {beside}"
    return Row(what, measured, f"≥ {factor} times", ratio >= factor)


def _first(ours: BpeTokenizer, english: str) -> Row:
    fast = ours._fast
    if fast is None:
        return Row("the engine for bulk work", "is not installed: pip install pellucid[fast]")
    fast._make()
    speed = len(english.encode()) / 1e6 / _seconds(lambda: ours.count(english))
    return Row("counting English never seen before", f"{speed:.0f} MB/s")


def _counting(
    runs: int,
    ours: BpeTokenizer,
    reference: tiktoken.Encoding,
    english: str,
    messages: list[str],
) -> list[Row]:
    engines: dict[str, Callable[[str], object]] = {
        "ours": ours.count,
        "tiktoken": lambda t: len(reference.encode_ordinary(t)),
    }
    try:
        toktok = import_module("toktok")._encoding("o200k_base")
        engines["toktok"] = toktok.count
    except ImportError:
        pass
    if ours._fast is not None:
        engines["gigatoken alone"] = lambda t: len(ours._fast._engine.encode(t))  # type: ignore[union-attr]
    whole = _speeds(runs, english, engines)
    short = _speeds(
        runs,
        english,
        {name: lambda _, e=e: [e(message) for message in messages] for name, e in engines.items()},
    )
    return [
        Row("counting, English", _listed(whole), "≥ 100 MB/s", whole["ours"] >= 100),
        _ratio("counting, messages of 100 characters", short, "tiktoken", 2.5),
    ]


def _qwen(runs: int, text: str) -> Row:
    ours = _opened("qwen2.5")
    theirs = _hugging_face(ours)
    ours.count(text * 6)
    assert theirs.encode(text).ids == ours.ids(text)
    found = _speeds(min(runs, 3), text, {"ours": ours.ids, "tokenizers": theirs.encode})
    return _ratio("ids on Qwen 2.5's vocabulary, English", found, "tokenizers", 30)


def _hugging_face(ours: BpeTokenizer) -> Tokenizer:
    """tokenizers with the same vocabulary, whose merges are what its ranks imply."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    letters |= {byte: chr(256 + i) for i, byte in enumerate(others)}

    def spelt(piece: bytes) -> str:
        return "".join(letters[byte] for byte in piece)

    ranks = dict(ours.vocabulary.normal())
    merges = [_halves(ranks, piece, id) for piece, id in ranks.items() if len(piece) > 1]
    theirs = Tokenizer(
        models.BPE(
            {spelt(piece): id for piece, id in ranks.items()},
            [(spelt(left), spelt(right)) for left, right in merges],
        )
    )
    (pattern,) = STEPS[ours.vocabulary.pretokenizer].patterns
    theirs.normalizer = normalizers.NFC()
    theirs.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return theirs


def _halves(ranks: dict[bytes, int], piece: bytes, id: int) -> tuple[bytes, bytes]:
    """The two tokens that merge into `piece`: what is left when only lower ranks merge."""
    parts = [bytes([byte]) for byte in piece]
    while len(parts) > 2:
        pairs = [ranks.get(a + b, id) for a, b in pairwise(parts)]
        at = min(range(len(pairs)), key=pairs.__getitem__)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts[0], parts[1]


def _repeated(ours: BpeTokenizer) -> list[Row]:
    size = 1_000_000
    choose = random.Random(2)
    texts = {
        "one letter": "a" * size,
        "spaces": " " * size,
        "dashes": "-" * size,
        "ideographs": "".join(chr(choose.randrange(0x4E00, 0x9FA5)) for _ in range(size)),
        "random letters": "".join(choose.choices("abcdefghijklmnopqrstuvwxyz", k=size)),
    }
    ours.count(texts["dashes"])  # makes the compiled engine
    rows = []
    for name, text in texts.items():
        seconds = _seconds(lambda text=text: ours.count(text))  # type: ignore[misc]
        rows.append(Row(f"a million: {name}", f"{seconds:.2f} s", "≤ 0.5 s", seconds <= 0.5))
    return rows


def _conversation(runs: int, ours: BpeTokenizer, english: str) -> Row:
    turns, text = [], ""
    for i in range(200):
        text += f"<|im_start|>user\n{english[i * 660 : i * 660 + 660]}<|im_end|>\n"
        turns.append(text)

    def before_every_turn() -> list[int]:
        counter = RunningCount(ours, specials=True)
        return [counter.count(turn) for turn in turns]

    counts = before_every_turn()
    assert counts == [ours.count(turn, specials=True) for turn in turns]
    found = interleaved(runs, {"ours": lambda: _seconds(before_every_turn) * 1000})["ours"]
    what = f"200 turns, {counts[-1]:,} tokens, counted before every turn"
    return Row(what, f"{found:.1f} ms", "≤ 10 ms", found <= 10)


if __name__ == "__main__":
    print(run())
