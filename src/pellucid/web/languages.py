"""Which language a text is in: by its script, or by the small words it is full of."""

from __future__ import annotations

import re
from collections import Counter

from ..errors import UsageError

NAMES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "sv": "Swedish",
    "pl": "Polish",
    "tr": "Turkish",
    "zh": "Chinese",
    "ja": "Japanese",
    "ko": "Korean",
    "ru": "Russian",
    "uk": "Ukrainian",
    "ar": "Arabic",
    "he": "Hebrew",
    "hi": "Hindi",
    "th": "Thai",
    "el": "Greek",
}
_SMALL = {
    "en": "the and of to in is that for with was are as on this by from be at which have",
    "de": "der die das und ist nicht mit ein eine den von zu im auf für des dem sich auch wird",
    "fr": "le la les et des est une dans que pour qui pas sur du avec au par plus ce sont",
    "es": "el los las y que una para con del por es como más su al se lo sus pero está",
    "it": "il che di una per con sono del della gli non è alla nel dei più anche si ha le",
    "pt": "o os que uma para com não do da dos em mais por foi como ao são sua às é",
    "nl": "het een van en dat niet met voor op zijn aan ook bij wordt naar door deze de is te",
    "sv": "och att det som en på är av för med den till inte om ett har från vi var kan",
    "pl": "nie na się że jest do z w i oraz dla są przez jak od po to przy jego być",
    "tr": "ve bir bu için ile olarak da de en çok daha olan gibi kadar sonra var ise her değil",
}
_WORDS = {code: frozenset(words.split()) for code, words in _SMALL.items()}
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("uk", re.compile("[іїєґІЇЄҐ]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
)
_LATIN = re.compile("[A-Za-z\u00aa-\u024f\u1e00-\u1eff]")
_LOOKED_AT = 6_000


def detect(text: str) -> str:
    """The code of a text's language (ISO 639-1), empty where it cannot be told."""
    text = text[:_LOOKED_AT]
    if not text.isascii():
        letters = sum(map(str.isalpha, text))
        for code, script in _SCRIPTS:
            share = 0.02 if code in ("ja", "uk") else 0.3
            if letters and len(script.findall(text)) / letters > share:
                return code
    words = re.findall(r"[^\W\d_]+", text.lower())
    counts = Counter(words)
    hits = Counter(
        {code: sum(counts[word] for word in small) for code, small in _WORDS.items()}
    ).most_common(2)
    (best, most), (_, second) = hits
    return best if most >= 3 and most > 1.2 * second and most > 0.08 * len(words) else ""


def small_words(code: str) -> frozenset[str]:
    """The commonest words of a language, which name nothing; none of one not known here."""
    return _WORDS.get(code, frozenset())


def is_foreign(text: str) -> bool:
    """Whether most of a text's letters are of a script that no language here is written in."""
    text = text[:_LOOKED_AT]
    letters = sum(char.isalpha() for char in text)
    known = sum(len(script.findall(text)) for script in (_LATIN, *(one for _, one in _SCRIPTS)))
    return 2 * known < letters


def name(code: str) -> str:
    """The English name of a language; a code that has none here is its own name."""
    return NAMES.get(code.partition("-")[0].lower(), code)


def code(text: str) -> str:
    """A language's code, from the code or its English name; empty for nothing. Raises
    `UsageError`."""
    codes = {known.lower(): code for code, known in NAMES.items()}
    found = codes.get(text.lower(), text.lower())
    if found and found not in NAMES:
        raise UsageError(
            f"{text!r} is no language known here: name one of {', '.join(NAMES.values())}."
        )
    return found
