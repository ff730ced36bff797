"""Texts that tokenizers disagree about: many scripts, code, emoji, odd blanks, random Unicode."""

from __future__ import annotations

import random
from collections.abc import Iterator

PROSE = (
    "The quick brown fox doesn't jump over 13 lazy dogs; they'LL've WE'D it'S I'm you're",
    "Grüße aus Köln: Straße, Äpfel, Öl und übermäßig viel Maß",
    "Le cœur a ses raisons que la raison ne connaît point… «d'accord» l’été",
    "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia, ¿añoraba? ¡Sí!",
    "Zażółć gęślą jaźń. Příliš žluťoučký kůň. Árvíztűrő tükörfúrógép. İstanbul ışık",
    "Съешь же ещё этих мягких французских булок, да выпей чаю 2024 года",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. Καλημέρα κόσμε",
    "שָׁלוֹם עולם, מה שלומך? דג סקרן שט בים",
    "مرحبا بالعالم، كيف حالك؟ نصٌّ عربيٌّ مُشَكَّل ١٢٣٤ ۱۲۳",
    "नमस्ते दुनिया, कैसे हो? क्षत्रिय ज़रूरत १२३",
    "আমার সোনার বাংলা। কৌশল",
    "வணக்கம் உலகம், எப்படி இருக்கிறீர்கள்?",
    "สวัสดีชาวโลก ภาษาไทยไม่มีช่องว่าง ๑๒๓",
    "မင်္ဂလာပါ ကမ္ဘာ · ភាសាខ្មែរ · ລາວ · བོད་སྐད",
    "今天天气很好，我们去公园散步吧！一二三〇《红楼梦》",
    "吾輩は猫である。名前はまだ無い。カタカナ ひらがな ﾊﾝｶｸ",
    "안녕하세요 세계, 잘 지내세요? ㅋㅋㅋ 한국어",
    "გამარჯობა მსოფლიო. Բարեւ աշխարհ. ሰላም ልዑል",
    "Tiếng Việt: Chào thế giới, khỏe không? Ðặng Thị",
    "𝕳𝖊𝖑𝖑𝖔 𝒲ℴ𝓇𝓁𝒹 ｆｕｌｌｗｉｄｔｈ ① ② ⅷ ½ ¾ x² H₂O",
)
CODE = (
    "def f(x: int) -> str:\n\treturn f'{x!r:>10}'  # comment\n\n\nclass A(B):\n    pass\n",
    "for (int i = 0; i < n; ++i) { a[i] ^= ~b[i] << 3; } // done\r\n\r\n#include <stdio.h>\r\n",
    'SELECT "a".b, COUNT(*) FROM t WHERE x<>\'y\' AND z IS NOT NULL -- "q"\n',
    '{"k": [1, 2.5e-10, null, true], "s": "\\u00e9\\n"}',
    "<div class='a b'>&nbsp;&lt;<!-- --><script>let x=()=>{}</script></div>\n\n\n\n    \t\n",
    "$ ls -la ~/.config/**/*.py | grep -E '^[a-z]+\\s*=' >> /tmp/out 2>&1 && echo \"$?\"",
    "0x1F 1_000_000 3.14159 1e9 007 192.168.0.1 2024-02-29T12:34:56Z 100% $5.00 #42 @me",
)
EMOJI = (
    "👩‍👩‍👧‍👦 👨🏽‍🚀 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇩🇪🇫🇷 ❤️‍🔥 ☺︎ ☺️ 1️⃣ 🫠🫱🏻‍🫲🏿 🦄",
    "😀😃😄\u200d\u200c\ufe0f\u20e3 🤷🏾‍♀️!!! ¯\\_(ツ)_/¯ (╯°□°)╯︵ ┻━┻",
)
BLANKS = (
    " a  b   c    d\t\te \n f\n\n g\r\n\r\nh \u00a0i\u00a0\u00a0j\u2003k\u2009\u200al\u3000\u3000m",
    "   ",
    "\n\n\n",
    " \n \n",
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029\u202f\u205f\u3000\ufeff end",
    "trailing   ",
    "   leading",
    "\u200b\u2060\u00ad soft\u00adhyphen zero\u200bwidth",
)
MARKS = (
    "e\u0301 a\u030a\u0323 q\u0323\u0307 \u0301x \u1100\u1161\u11a8 \u0928\u093c \u212b \ufb01 ﬃ",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324 A\u0321\u030a\u0360",
    "a\u0301\u0323" * 40,
)
CONTROLS = (
    "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "!\x04! a\x13b",
    "\u202eRTL\u202c \ufffd",
)
SPELLED = ("<|im_start|>system\nYou are<|im_end|>", "<tool_call>{}</tool_call> </s> [INST] <|x|>")

FIXED = (*PROSE, *CODE, *EMOJI, *BLANKS, *MARKS, *CONTROLS, *SPELLED)

_POOLS = (
    "abcdefghij ABC ",
    "  \n\r\t\u00a0\u3000\u2028\x0b\x85'",
    "".join(map(chr, range(0x20, 0x7F))),
    "".join(map(chr, range(0x300, 0x370))),
    "".join(map(chr, range(0xA0, 0x3000))),
    "".join(map(chr, range(0x3000, 0xD800))),
    "".join(map(chr, range(0xE000, 0x20000))),
    "".join(map(chr, range(0x1F300, 0x1FB00))),
    "".join(map(chr, range(0x20000, 0x110000, 7))),
)
_BITS = ("'s", "'LL", "'ſ", "don't ", "123", "½", "e\u0301", "\u1100\u1161\u11a8", "\u200d", "\r\n")


def random_texts(seed: int, count: int) -> Iterator[str]:
    """`count` texts of up to 80 characters, each a mixture of a few kinds of character."""
    choose = random.Random(seed)
    for _ in range(count):
        pools = [*choose.sample(_POOLS, choose.randint(1, 4)), _BITS]
        yield "".join(choose.choice(choose.choice(pools)) for _ in range(choose.randint(1, 80)))


def corpus(seed: int, count: int) -> list[str]:
    return [*FIXED, "\n".join(FIXED), *random_texts(seed, count)]
