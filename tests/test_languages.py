"""Which languages a text is in, and how much of it a token holds in each."""

from __future__ import annotations

import pytest

import pellucid
from pellucid.tokens.encoding import Encoding
from pellucid.tokens.languages import stretches
from pellucid.tokens.measures import by_language
from pellucid.views import tokens
from pellucid.views.html.density import density_plot, of_one, of_several
from work import is_linear

# The first article of the Universal Declaration of Human Rights, or its beginning.
SENTENCES = {
    "English": "All human beings are born free and equal in dignity and rights.",
    "Spanish": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "Portuguese": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "Italian": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
    "Dutch": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren.",
    "Swedish": "Alla människor är födda fria och lika i värde och rättigheter.",
    "Danish or Norwegian": "Alle mennesker er født frie og lige i værdighed og rettigheder.",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "Czech": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.",
    "Romanian": "Toate ființele umane se nasc libere și egale în demnitate și în drepturi.",
    "Hungarian": "Minden emberi lény szabadon születik és egyenlő méltósága és joga van.",
    "Finnish": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.",
    "Turkish": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "Indonesian": "Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama.",
    "Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "Ukrainian": "Всі люди народжуються вільними і рівними у своїй гідності та правах.",
    "Bulgarian": "Всички хора се раждат свободни и равни по достойнство и права.",
    "Serbian": "Сва људска бића рађају се слободна и једнака у достојанству и правима.",
    "Arabic": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.",
    "Persian": "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند.",
    "Urdu": "سبھی انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "Marathi": "सर्व मानवी व्यक्ती जन्मतः स्वतंत्र आहेत व त्यांना समान प्रतिष्ठा आहे.",
    "Chinese": "人人生而自由，在尊严和权利上一律平等。",
    "Japanese": "すべての人間は、生まれながらにして自由である。",
    "Korean": "모든 인간은 태어날 때부터 자유로우며 존엄과 권리에 있어 동등하다.",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι.",
    "Hebrew": "כל בני אדם נולדו בני חורין ושווים.",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระ",
}
MIXED = f"{SENTENCES['English']}\n{SENTENCES['Chinese']}\n\ndef f(x):\n    return x[0]  # {{}}\n"


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_tells_its_language(language: str) -> None:
    text = SENTENCES[language]
    assert stretches(text) == [(0, len(text), language)]


def test_lines_of_many_languages_are_told_apart() -> None:
    text = "\n".join(SENTENCES.values())
    found = stretches(text)
    assert [language for _, _, language in found] == list(SENTENCES)
    assert [text[start:end].strip() for start, end, _ in found] == list(SENTENCES.values())


def test_languages_change_within_a_line() -> None:
    text = "Hello, how are you? Hola, ¿cómo estás? Привет, как дела? 你好吗 🙂"
    assert [language for _, _, language in stretches(text)] == [
        "English",
        "Spanish",
        "Russian",
        "Chinese",
    ]


def test_a_sentence_that_does_not_tell_goes_with_those_around_it() -> None:
    told = f"{SENTENCES['German']} Zwei Katzen schlafen."
    assert stretches(told) == [(0, len(told), "German")]
    assert stretches("Zwei Katzen schlafen.")[0][2] == "Latin script"


def test_stretches_cover_the_text() -> None:
    for text in ("", " \n\n", "1 + 2", "🙂", MIXED, "a\r\nb\x85c", "\n\nword"):
        found = stretches(text)
        assert "".join(text[start:end] for start, end, _ in found) == text
    assert stretches("12.5 🙂")[0][2] == "signs and digits"
    assert [language for _, _, language in stretches(MIXED)] == [
        "English",
        "Chinese",
        "code or markup",
    ]


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "! " * 50_000, "é" * 100_000, "\n" * 100_000, "a\n\n" * 4_000]
)
def test_no_text_takes_long(text: str) -> None:
    assert is_linear(stretches, text[: len(text) // 8], text)


def mixed() -> dict[str, Encoding]:
    return {name: pellucid.tokenizer(name).encode(MIXED) for name in ("gpt-4o", "mistral-7b-v0.1")}


def test_density_by_language_counts_every_token_once() -> None:
    for name, encoding in mixed().items():
        rows = by_language(encoding)
        front = 1 if name == "mistral-7b-v0.1" else 0
        assert sum(row.tokens for row in rows) == len(encoding) - front
        assert sum(row.characters for row in rows) == len(MIXED)
        chinese = next(row for row in rows if row.name == "Chinese")
        assert chinese.words is None and chinese.words_per_token is None
        assert chinese.characters_per_token and chinese.characters_per_token < 2


def test_the_blank_before_a_word_belongs_to_its_language() -> None:
    encoding = pellucid.tokenizer("gpt-4o").encode("你好, привет как дела")
    rows = {row.name: row for row in by_language(encoding)}
    assert rows["Russian"].tokens == 3  # one for each word
    assert rows["Chinese"].tokens == 2  # the word, the comma


def test_views_show_languages_by_vocabulary() -> None:
    both = mixed()
    shown = tokens.comparison(both)
    rows = {line.split("  ")[0]: line.split()[-2:] for line in shown.splitlines()}
    english = [by_language(e)[0].characters_per_token or 0 for e in both.values()]
    assert rows["English"] == [f"{value:.2f}" for value in english]
    assert [head for head, _ in of_several(both)] == [
        "The whole text",
        "English",
        "code or markup",
        "Chinese",
    ]
    ((_, one),) = of_one(both["gpt-4o"])
    assert [row.name for row in one] == ["the whole text", "English", "code or markup", "Chinese"]
    plot = density_plot(of_several(both))
    assert plot.count("<svg") == 8 and "gpt-4o" in plot


def test_one_language_needs_no_groups() -> None:
    only = pellucid.tokenizer("gpt-4o").encode(SENTENCES["German"])
    assert [row.name for row in of_one(only)[0][1]] == ["German"]
    assert [head for head, _ in of_several({"a": only, "b": only})] == ["German"]
    assert "German" not in tokens.comparison({"a": only, "b": only}).split("\n\n")[0]
