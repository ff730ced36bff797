"""Terminal and notebook views, on values with real token ids and hostile text."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from rich.cells import cell_len

import pellucid
import sample_receipts as samples
from pellucid.messages import Request, text_message
from pellucid.prompt.budget import measure
from pellucid.prompt.values import LABELS, Origin
from pellucid.record.receipt import Memory, Receipt, Summary, Timings
from pellucid.replies import Reply, ReplyToken, Usage
from pellucid.tokens.encoding import Encoding
from pellucid.views import figures, glyphs, html, terminal
from pellucid.views.html.flow import prompt_rows
from pellucid.views.terminal import style

SGR = re.compile("\x1b\\[[0-9;]*m")
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028\u202c\u202e\U000e0041]")

VIEWS: dict[str, Callable[[Receipt, bool], str]] = {
    "prompt": lambda r, color: terminal.prompt(r.prompt, color=color),  # type: ignore[arg-type]
    "tokens": lambda r, color: terminal.tokens(r.prompt.encoding, r.prompt, color=color),  # type: ignore[union-attr]
    "chips": lambda r, color: terminal.chips(r.prompt.encoding, r.prompt, color=color),  # type: ignore[union-attr]
    "plain chips": lambda r, color: terminal.chips(r.prompt.encoding, color=color),  # type: ignore[union-attr]
    "why": lambda r, color: terminal.why(r.reply, color=color),
    "receipt": lambda r, color: terminal.receipt(r, color=color),
    "status": lambda r, color: terminal.status_line(r, color=color),
    "summaries": lambda r, color: terminal.summaries([summary(r)], color=color),
}


def summary(receipt: Receipt) -> Summary:
    usage = receipt.reply.usage
    return Summary(
        receipt.id,
        receipt.created,
        receipt.model,
        receipt.conversation,
        receipt.request.messages[-1].text,
        receipt.reply.text,
        usage.input_total,
        usage.output_total,
        receipt.reply.finish,
    )


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_in_the_content_reaches_the_terminal(view: str) -> None:
    receipt = samples.hostile()
    assert RAW.search(VIEWS[view](receipt, False)) is None
    colored = VIEWS[view](receipt, True)
    assert RAW.search(SGR.sub("", colored)) is None
    assert SGR.search(colored)
    for line in colored.split("\n"):  # a pager starts every line without a colour
        assert line.count("\x1b[0m") * 2 == line.count("\x1b")


@pytest.mark.parametrize("view", ["prompt", "why", "receipt", "status", "summaries"])
def test_colour_changes_no_word(view: str) -> None:
    receipt = samples.second_turn()
    plain, colored = VIEWS[view](receipt, False), SGR.sub("", VIEWS[view](receipt, True))
    words = re.compile(r"\w+")
    missing = set(words.findall(colored)) - set(words.findall(plain))
    assert not missing


def test_prompt_without_colour_names_origins_and_lines() -> None:
    prompt = samples.second_turn().prompt
    assert prompt is not None
    assert terminal.prompt(prompt).split("\n")[:6] == [
        "  scaffold │ <|im_start|>system↵",
        "    system │ You are a helpful assistant",
        "  scaffold │ <|im_end|>↵",
        "           │ <|im_start|>user↵",
        "      user │ Hi! I'm Stephen!",
        "  scaffold │ <|im_end|>↵",
    ]
    assert "49 tokens: scaffold 20 · system 5 · user 11 · assistant 10 · generation 3" in (
        terminal.prompt(prompt)
    )


def test_coloured_prompt_is_the_exact_text() -> None:
    prompt = samples.second_turn().prompt
    assert prompt is not None
    assert SGR.sub("", terminal.prompt(prompt, color=True)).startswith(prompt.text)


def test_only_scaffold_makes_badges() -> None:
    request = Request((text_message("user", "Hi <|im_end|>"),), generation_prompt=False)
    shown = terminal.prompt(samples.prompt_of(request), color=True)
    badge = f"\x1b[{style.ORIGIN['scaffold']};7m<|im_end|>\x1b[0m"
    assert shown.count("<|im_end|>") == 2
    assert shown.count(badge) == 1


def test_notes_and_approximate_origins_are_said() -> None:
    request = Request((text_message("user", "Hi"),))
    prompt = samples.prompt_of(request, notes=("The template drops the system message.",))
    shown = terminal.prompt(replace(prompt, exact=False, replayed=3))
    assert "The template drops the system message." in shown
    assert "approximate" in shown
    assert "3 of them replayed" in shown


def test_tokens_lists_id_piece_and_origin() -> None:
    prompt = samples.second_turn().prompt
    assert prompt is not None
    lines = terminal.tokens(prompt.encoding, prompt).split("\n")
    assert len(lines) == len(prompt)
    assert lines[0].split() == ["151644", "<|im_start|>", "scaffold,", "control"]
    assert lines[4].split() == ["525", "␣are", "message", "0,", "part", "0", "(system)"]


def test_a_token_that_straddles_names_both_origins() -> None:
    prompt = samples.prompt_of(Request((text_message("user", "\nHi"),)))
    line = next(row for row in terminal.tokens(prompt.encoding, prompt).split("\n") if "↵↵" in row)
    assert line.split(maxsplit=2)[2] == "scaffold + message 0, part 0 (user)"


def test_characters_in_several_tokens() -> None:
    encoding = samples.encode("a🦙")
    assert terminal.chips(encoding) == "[a][\\xf0][\\x9f][\\xa6][🦙]"
    assert [row.split()[1] for row in terminal.tokens(encoding).split("\n")] == [
        *("a", "\\xf0", "\\x9f", "\\xa6", "\\x99")
    ]


def test_a_combining_mark_alone_is_shown_on_a_circle() -> None:
    assert glyphs.piece_line("\u0301".encode()) == "◌\u0301"


@pytest.mark.parametrize(
    "pieces",
    [
        (b"Hi", b" you"),
        (b" \xf0\x9f", b"\xa6", b"\x99 ok"),
        (b"\xe4\xbd", b"\xa0\xe5", b"\xa5\xbd"),
        (b"\xe4", b"hello", b"\xff", b""),
        (b"\xf0\x9f",),
    ],
)
def test_spread_loses_no_byte(pieces: tuple[bytes, ...]) -> None:
    parts = glyphs.spread(pieces)
    assert len(parts) == len(pieces)
    assert "".join(text for text, _ in parts).encode("utf-8", "surrogateescape") == b"".join(pieces)
    assert all(piece.endswith(rest) for piece, (_, rest) in zip(pieces, parts, strict=True))


def test_a_character_belongs_to_its_last_byte() -> None:
    pieces = (b" \xf0\x9f", b"\xa6", b"\x99 ok")
    assert glyphs.spread(pieces) == [(" ", b"\xf0\x9f"), ("", b"\xa6"), ("🦙 ok", b"")]
    assert [glyphs.visible(text) for text in glyphs.shown(pieces)] == [
        " \\xf0\\x9f",
        "\\xa6",
        "🦙 ok",
    ]


def test_why_shows_probabilities_and_alternatives() -> None:
    lines = terminal.why(samples.second_turn().reply).split("\n")
    assert lines[4].split() == ["␣Stephen", "18095", "44%", "████▍", "It", "9.0%", "␣日", "<0.1%"]
    assert lines[5].split()[:3] == [".", "13", "unknown"]
    assert "1 chosen at under 50%, 1 of unknown probability" in lines[-1]


def test_why_marks_inferred_ids_and_bytes() -> None:
    token = ReplyToken(162, b"\xe5", math.log(0.6), exact=False)
    reply = Reply(text_message("assistant", "\ufffd"), "length", Usage(), (token,))
    shown = terminal.why(reply)
    assert "~162" in shown
    assert "\\xe5" in shown
    assert "inferred" in shown
    assert "no tokens" in terminal.why(replace(reply, tokens=()))


def test_status_line_is_exact() -> None:
    receipt = samples.second_turn()
    assert terminal.status_line(receipt) == (
        "49 in (15 new, 34 replayed, 30 cached) · 6 out · 0.2% of 32k window · "
        "0.31 s to first token · 24 tok/s"
    )
    first = samples.receipt_of(
        Request((text_message("user", "Hi"),)), samples.reply_of("Hello"), timings=Timings()
    )
    assert terminal.status_line(first) == "9 in · 2 out · <0.1% of 32k window"


def test_status_line_says_what_is_estimated_or_cut() -> None:
    receipt = samples.second_turn()
    usage = Usage(fresh=50, output=7, known="estimated")
    receipt = replace(
        receipt,
        prompt=None,
        window=None,
        reply=replace(receipt.reply, usage=usage, finish="cut"),
        timings=Timings(total=1.5, first_token=0.5),
    )
    assert terminal.status_line(receipt) == (
        "~50 in · ~7 out (cut) · 0.50 s to first token · 6.0 tok/s"
    )


def test_budget_tells_what_takes_how_much() -> None:
    prompt = samples.second_turn().prompt
    assert prompt is not None
    lines = terminal.budget(measure(prompt, 32768)).split("\n")
    assert [line.split()[:3] for line in lines[1:-1]] == [
        ["system", "5", "<0.1%"],
        ["turn", "1", "16"],
        ["turn", "2", "5"],
        ["template", "20", "<0.1%"],
        ["generation", "prompt", "3"],
        ["prompt", "49", "0.1%"],
        ["room", "for", "the"],
    ]
    assert lines[-1] == "Fits the window of 32,768 tokens; the answer needs room for 256."
    tight = terminal.budget(measure(prompt, 52), width=60)
    assert "Does not fit the window of 52 tokens: 3 too many" in tight
    assert "not known" in terminal.budget(measure(prompt, 0))
    assert "turns 1 to 9 " in terminal.budget(measure(samples.long(30_000).prompt, 131072))  # type: ignore[arg-type]


def test_receipt_tells_memory_calls_and_unknowns() -> None:
    receipt = replace(
        samples.second_turn(),
        memory=Memory("last:2", (text_message("user", "Hi"),)),
        timings=Timings(),
        window=None,
    )
    shown = terminal.receipt(receipt)
    assert "last:2: 1 messages left out" in shown
    assert re.search(r"user\s+dropped\s+Hi", shown)
    assert re.search(r"time to first token\s+unknown", shown)
    assert "Window\n  unknown" in shown
    assert "Stephen{44%}" in shown
    provider = replace(receipt, prompt=None, reply=replace(receipt.reply, tokens=()))
    assert "only the messages are known here" in terminal.receipt(provider)
    assert "Reply\n  Your name is Stephen." in terminal.receipt(provider)
    assert "Your name is Stephen." in html.receipt_fragment(provider)
    assert "[call] weather<script>" in terminal.receipt(samples.hostile())


@pytest.mark.parametrize("width", [40, 80, 120])
def test_tables_are_aligned_in_columns_of_the_screen(width: int) -> None:
    rows = [["1", "日本語", "x" * 200], ["1000", "e\u0301", "y"], ["20", "👩‍💻", ""]]
    lines = style.table(rows, right="r", width=width).split("\n")
    assert [cell_len(line.partition("x")[0].partition("y")[0]) for line in lines[:2]] == [14, 14]
    assert all(cell_len(line) <= width for line in lines)
    assert lines[2] == "  20  👩‍💻"


def test_fold_keeps_marks_and_joined_emoji_together() -> None:
    text = "ab e\u0301e\u0301 " + "👩‍💻" * 8 + "日本語"
    lines = style.fold(text, 10)
    assert "".join(lines) == text
    assert all(cell_len(line) <= 12 for line in lines)
    assert not any(line.startswith(("\u0301", "\u200d", "💻")) for line in lines)


@pytest.mark.parametrize(
    ("environ", "tty", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_who_wants_colour(environ: dict[str, str], tty: bool, wanted: bool) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return tty

    assert terminal.wants_color(Stream(), environ) is wanted


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (0.0002, "<0.1%"), (0.0016, "0.2%"), (0.444, "44%"), (0.99, "99.0%"), (1, "100%")],
)
def test_percent(share: float, words: str) -> None:
    assert figures.percent(share) == words


def test_windows_have_their_usual_names() -> None:
    names = [figures.window_name(window) for window in (2048, 32768, 128_000, 131_072, 8191, 512)]
    assert names == ["2k", "32k", "128k", "128k", "8,191", "512"]


def test_what_is_new_begins_after_the_last_replayed_token() -> None:
    receipt = samples.second_turn()
    assert receipt.prompt is not None
    replayed = figures.replayed_tokens(receipt)
    assert replayed is not None
    assert receipt.prompt.encoding.pieces[replayed - 1] == b"?"
    assert receipt.prompt.encoding.pieces[replayed] == b"<|im_end|>"
    assert figures.replayed_tokens(replace(receipt, replayed_messages=0)) == 0
    assert figures.replayed_tokens(replace(receipt, prompt=None)) is None


def test_endings_are_the_tokens_after_the_text() -> None:
    reply = samples.reply_of("Hello!")
    assert figures.endings(reply) == 1
    assert figures.endings(replace(reply, tokens=reply.tokens[:-1])) == 0
    assert figures.endings(replace(reply, message=text_message("assistant", "other"))) == 0


def test_values_describe_themselves_in_one_line() -> None:
    receipt = samples.second_turn()
    assert repr(receipt.prompt) == (
        "Prompt(49 tokens: 20 scaffold, 5 system, 11 user, 10 assistant, 3 generation)"
    )
    assert repr(receipt.reply) == "Reply('Your name is Stephen.', 6 tokens, stop)"
    assert repr(samples.encode("Hi you")) == "Encoding(2 tokens: 'Hi you')"
    assert repr(receipt).startswith("Receipt(01KAMP4J3Q8Z5V0T6Y2N9C7D1E, 'qwen")
    hostile = samples.hostile()
    for value in (hostile, hostile.prompt, hostile.reply, hostile.prompt.encoding):  # type: ignore[union-attr]
        assert RAW.search(repr(value)) is None
        assert "\n" not in repr(value)


def test_notebooks_show_fragments() -> None:
    receipt = samples.second_turn()
    assert pellucid.Receipt is Receipt  # using a name of the package is what installs them
    for value in (receipt, receipt.prompt, receipt.reply, samples.encode("Hi")):
        shown = value._repr_html_()  # type: ignore[union-attr]
        assert shown.startswith("<style>")
        assert "<script" not in shown
        assert 'title="' in shown
    begun = Encoding("Hi", (1, 5), (b"<s>", b"Hi"), ((0, 0), (0, 2)), (True, False), "")
    said = "2 tokens · The model&#x27;s configuration adds &lt;s&gt; in front."
    assert said in html.encoding_fragment(begun)
    assert "configuration" not in html.encoding_fragment(samples.encode("Hi"))
    assert "nearly chose:\n  It 9.0%" in html.reply_fragment(receipt.reply)


def test_fragments_escape_what_strangers_wrote() -> None:
    receipt = samples.hostile()
    for shown in (html.receipt_fragment(receipt), html.receipt_page(receipt)):
        body = shown.replace("<script type", "").split("<script>")
        assert len(body) == (2 if "<!doctype" in shown else 1)
        assert "<img" not in shown
        assert 'onerror="' not in shown
        assert shown.count("</style>") == 1


def test_a_long_fragment_has_no_titles() -> None:
    long, short = samples.long(6000).prompt, samples.second_turn().prompt
    assert long is not None
    assert short is not None
    assert html.prompt_fragment(short).count("title=") > len(short)
    assert html.prompt_fragment(long).count("title=") < 10


def test_rows_of_the_prompt_are_its_messages() -> None:
    receipt = samples.hostile()
    assert receipt.prompt is not None
    rows = prompt_rows(receipt.prompt)
    assert [(row.label, row.message) for row in rows] == [
        ("system", 0),
        ("tools", None),
        ("user", 1),
        ("passage", 1),
        ("assistant", 2),
        ("tool", 3),
        ("generation", None),
    ]
    assert rows[0].start == 0
    assert rows[-1].end == len(receipt.prompt)
    assert all(before.end == row.start for before, row in pairwise(rows))


def test_a_message_of_the_template_has_a_row_of_its_own() -> None:
    request = Request((text_message("system", "You are"), text_message("user", "Hi")))
    prompt = samples.prompt_of(request)
    spans = tuple(
        replace(span, origin=Origin("scaffold")) if span.origin.message == 0 else span
        for span in prompt.spans
    )
    rows = prompt_rows(replace(prompt, spans=spans))
    assert [(row.label, row.message) for row in rows] == [
        ("scaffold", None),
        ("user", 1),
        ("generation", None),
    ]
    assert prompt.encoding.pieces[rows[1].start] == b"<|im_start|>"
    assert prompt.encoding.pieces[rows[1].start + 1] == b"user"


def test_what_the_template_writes_after_tools_is_not_the_users() -> None:
    words = "a tool\nCall it\nso"
    prompt = samples.prompt_of(Request((text_message("system", words), text_message("user", "Hi"))))
    pieces = prompt.encoding.pieces
    line_ends = [i for i, piece in enumerate(pieces) if piece.endswith(b"\n")]
    origins = list(prompt.origins)
    for i in range(line_ends[1], line_ends[2] + 1):  # what follows the first line is the template's
        origins[i] = prompt.origins[0]
    rows = prompt_rows(replace(prompt, origins=tuple(origins)))
    assert pieces[rows[1].start] == b"<|im_start|>"
    assert (rows[1].label, rows[1].message) == ("user", 1)


def test_every_label_has_its_looks() -> None:
    css = html.markup.asset("tokens.css")
    for i, label in enumerate(LABELS):
        assert label in style.ORIGIN
        assert label in figures.MEANING
        assert f".pellucid i.o{i} " in css
        assert f".bar .o{i} " in css


def test_contrast_is_readable_in_light_and_dark() -> None:
    """WCAG AA: 4.5 to 1 between every text colour and the ground it stands on."""
    css = html.markup.asset("tokens.css")
    both = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    pairs = [(f"o{i}-ink", f"o{i}") for i in range(len(LABELS))]
    pairs += [("ink", f"p{i}") for i in range(4)] + [("quiet", "p0"), ("badge-ink", "badge")]
    pairs += [(a, b) for a in ("ink", "quiet", "accent") for b in ("ground", "panel")]
    pairs += [(f"o{i}-ink", "panel") for i in range(len(LABELS))]
    for scheme in (1, 2):
        colors = {row[0]: row[scheme] for row in both}
        low = {pair: contrast(colors[pair[0]], colors[pair[1]]) for pair in pairs}
        assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""

    def luminance(color: str) -> float:
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
