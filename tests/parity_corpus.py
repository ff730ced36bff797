"""A million characters to compare tokenizers on, made from a seed: languages, code, emoji, marks,
right-to-left text, control characters, and bytes decoded every way."""

from __future__ import annotations

import random
from collections.abc import Callable

from token_corpus import BLANKS, CODE, CONTROLS, EMOJI, MARKS, PROSE, SPELLED, random_texts

# The Universal Declaration of Human Rights, article 1. https://www.un.org/en/udhrbook/
LANGUAGES = {
    "English": "All human beings are born free and equal in dignity and rights. They are endowed "
    "with reason and conscience and should act towards one another in a spirit of brotherhood.",
    "Spanish": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados "
    "como están de razón y conciencia, deben comportarse fraternalmente los unos con los otros.",
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit "
    "Vernunft und Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen.",
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont "
    "doués de raison et de conscience et doivent agir les uns envers les autres dans un esprit de "
    "fraternité.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены "
    "разумом и совестью и должны поступать в отношении друг друга в духе братства.",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. "
    "Είναι προικισμένοι με λογική και συνείδηση.",
    "Arabic": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق. وقد وهبوا عقلاً وضميراً "
    "وعليهم أن يعامل بعضهم بعضاً بروح الإخاء.",
    "Hebrew": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, "
    "לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה.",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि "
    "और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।",
    "Chinese": "人人生而自由,在尊严和权利上一律平等。"
    "他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "Japanese": "すべての人間は、生まれながらにして自由であり、"
    "かつ、尊厳と権利とについて平等である。"
    "人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。",
    "Korean": "모든 인간은 태어날 때부터 자유로우며 "
    "그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 "
    "이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ "
    "ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ",
    "Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền. Mọi "
    "con người đều được tạo hoá ban cho lý trí và lương tâm.",
}
CODECS = ("latin-1", "cp1252", "cp437", "koi8-r", "utf-8", "utf-16-le", "gb18030", "shift_jis")
"""Ways in which bytes become text, right or wrong."""


def corpus(size: int, seed: int = 2026) -> list[str]:
    """Texts of together about `size` characters, of every kind, none longer than 3,000."""
    choose = random.Random(seed)
    kinds: tuple[Callable[[random.Random], str], ...] = (
        _prose,
        _prose,
        _mixed,
        _code,
        _odd,
        _bytes,
    )
    texts = [*PROSE, *CODE, *EMOJI, *BLANKS, *MARKS, *CONTROLS, *SPELLED, *LANGUAGES.values()]
    done = sum(map(len, texts))
    while done < size:
        text = choose.choice(kinds)(choose)
        texts.append(text)
        done += len(text)
    return texts


def _prose(choose: random.Random) -> str:
    """The words of one language in another order, some of them written otherwise."""
    text = choose.choice([*LANGUAGES.values(), *PROSE])
    words = text.split(" ") if " " in text else [text[i : i + 3] for i in range(0, len(text), 3)]
    choose.shuffle(words)
    ways = (str.upper, str.title, lambda word: f"{word},", lambda word: f"({word})", str.swapcase)
    return (" " if " " in text else "").join(
        choose.choice(ways)(word) if choose.random() < 0.1 else word for word in words
    )


def _mixed(choose: random.Random) -> str:
    pools = [*LANGUAGES.values(), *PROSE, *EMOJI, *BLANKS]
    cuts = []
    for _ in range(choose.randint(2, 8)):
        text = choose.choice(pools)
        start = choose.randrange(len(text))
        cuts.append(text[start : start + choose.randint(1, 40)])
    return choose.choice(("", " ", "\n", "  ", "\t")).join(cuts)


def _code(choose: random.Random) -> str:
    lines = [choose.choice(CODE) for _ in range(choose.randint(1, 4))]
    name = "".join(choose.choices("abcxyzXYZ_0123456789", k=choose.randint(1, 12)))
    numbers = "".join(choose.choices("0123456789.,-eE_", k=choose.randint(0, 30)))
    return "\n".join([*lines, f"{' ' * choose.randint(0, 20)}{name} = {numbers}"])


def _odd(choose: random.Random) -> str:
    """Random Unicode, or long runs of one thing."""
    if choose.random() < 0.7:
        return next(random_texts(choose.randrange(1 << 30), 1))
    run = choose.choice(
        [*" -=a\n\t.#0", "ab", "\r\n", "e\u0301", "👍🏽", "ね", "ع", "\u200d", "  x"]
    )
    return f"{choose.choice(['', ' ', 'x'])}{run * choose.randint(2, 300)}"


def _bytes(choose: random.Random) -> str:
    data = choose.randbytes(choose.randint(1, 120))
    if choose.random() < 0.5:  # text of one encoding, read in another
        data = choose.choice([*LANGUAGES.values()])[:60].encode(choose.choice(("utf-8", "utf-16")))
    return data.decode(choose.choice(CODECS), choose.choice(("replace", "ignore")))
