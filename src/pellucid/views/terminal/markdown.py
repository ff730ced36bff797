"""Markdown for the terminal as it streams. What is printed stays: nothing is drawn again, so
nothing flickers, and the scrollback holds every line once."""

from __future__ import annotations

import re

from .replies import plain

_MARKER = re.compile(r"(?P<blank> {0,6})(?P<mark>#{1,6} |[-*+] |> |```|)")
_MAY_BE_MARKER = re.compile(r" {0,6}(?:#{0,6}|[-*+>]|`{0,3})")
_LABEL = r"(?:[^\[\]\n]|\[[^\[\]\n]*\]){0,300}"
_LINK = re.compile(
    rf"!?\[(?P<label>{_LABEL})\]"
    r"\(<?(?P<url>https?://(?:[!-'*-;=?-~]|\([!-'*-;=?-~]*\))+)>?\)"
)
_MAY_BE_LINK = re.compile(
    rf"!?\[{_LABEL}(?:\[[^\[\]\n]*|\](?:\((?:[^\s()]|\([^\s()]*\)){{0,500}}(?:\([^\s()]*)?)?)?"
)
_BARE = re.compile(r"<(https?://[!-;=?-~]+)>")
_MAY_BE_BARE = re.compile(r"<[!-;=?-~]{0,500}")

_BOLD, _EMPHASIS, _CODE, _HEAD, _LINKED, _REFERENCE = "1", "3", "36", "1;4", "4", "2"
_MOST_SPAN = 300
"""Characters: what is bold, emphasised or code is no longer, and ends in its line."""
_SPANS = {
    _CODE: re.compile(rf"(?P<mark>`+)(?!`)(?P<text>.{{1,{_MOST_SPAN}}}?)(?<!`)(?P=mark)(?!`)"),
    _BOLD: re.compile(rf"\*\*(?=\**[^\s*])(?P<text>.{{1,{_MOST_SPAN}}}?)(?<=\S)\*\*(?!\*)"),
    _EMPHASIS: re.compile(rf"\*(?=[^\s*])(?P<text>.{{1,{_MOST_SPAN}}}?)(?<=[^\s*])\*(?!\*)"),
}


class MarkdownStream:
    """Turns pieces of Markdown into text with colours; `feed` each piece, then `end`.

    What may be a link, or is bold, emphasised or code, is held back until it is whole: a mark that
    nothing in its line closes is a mark.
    """

    def __init__(self) -> None:
        self._held = ""
        self._at_start = True
        self._in_fence = False
        self._styles: list[str] = []
        self._line_style = ""

    def feed(self, piece: str) -> str:
        self._held += plain(piece)
        return self._taken(last=False)

    def end(self) -> str:
        return self._taken(last=True) + ("\x1b[0m" if self._line_style else "")

    def _taken(self, *, last: bool) -> str:
        out: list[str] = []
        while self._held:
            text = self._start(last) if self._at_start else self._inline(last)
            if text is None:
                break
            out.append(text)
        return "".join(out)

    def _start(self, last: bool) -> str | None:
        """What a line begins with; `None`: more must be seen."""
        if _MAY_BE_MARKER.fullmatch(self._held) and not last:
            return None
        found = _MARKER.match(self._held)
        assert found is not None
        blank, mark = found["blank"], found["mark"]
        self._at_start = False
        if mark == "```":
            self._in_fence = not self._in_fence
            self._held = self._held[found.end() :]
            self._line_style = "2"
            return self._restyled()
        if self._in_fence:
            self._line_style = _CODE
            return self._restyled()
        self._held = self._held[found.end() :]
        match mark.strip():
            case "":
                return blank
            case ">":
                self._line_style = "2"
                return f"{self._restyled()}{blank}│ "
            case "-" | "*" | "+":
                return f"{blank}• "
            case _:
                self._line_style = _HEAD
                return self._restyled()

    def _inline(self, last: bool) -> str | None:
        held = self._held
        if held[0] == "\n":
            self._held = held[1:]
            self._at_start = True
            ended = "\x1b[0m\n" if self._line_style else "\n"
            self._line_style = ""
            return ended
        if self._in_fence or self._line_style == "2":
            return self._run(r"[^\n]+")
        if held[0] in "!<[":
            return self._link(last)
        if held[0] in "*`":
            return self._span(last)
        return self._run(r"[^\n*`\[!<]+")

    def _run(self, pattern: str) -> str:
        found = re.match(pattern, self._held)
        size = found.end() if found else 1
        text, self._held = self._held[:size], self._held[size:]
        return text

    def _link(self, last: bool) -> str | None:
        held = self._held
        if found := _LINK.match(held):
            self._held = held[found.end() :]
            return self._linked(found["label"] or found["url"], found["url"])
        if found := _BARE.match(held):
            self._held = held[found.end() :]
            return self._linked(found[1], found[1])
        if not last and (
            _MAY_BE_LINK.fullmatch(held) or _MAY_BE_BARE.fullmatch(held) or held == "!"
        ):
            return None
        return self._run(r".")

    def _linked(self, text: str, url: str) -> str:
        """A link that terminals make clickable:
        https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda"""
        style = _REFERENCE if re.fullmatch(r"\[\d+\]", text) else _LINKED
        return f"\x1b]8;;{url}\x1b\\{self._restyled(style)}{text}{self._restyled()}\x1b]8;;\x1b\\"

    def _span(self, last: bool) -> str | None:
        """What stands between two marks; the marks themselves where they mean nothing."""
        held = self._held
        marks = re.match(r"\*+|`+", held)
        assert marks is not None
        size = marks.end()
        style = _CODE if held[0] == "`" else _BOLD if size > 1 else _EMPHASIS
        found = _SPANS[style].match(held)
        seen = len(held) if found is None else found.end()
        idle = held[0] == "*" and held[size : size + 1].isspace()
        whole = held[seen:] if found else idle or "\n" in held
        if not last and not whole and seen <= 2 * size + _MOST_SPAN:
            return None
        if found is None:
            return self._run(r"\*+|`+")
        after, text = held[found.end() :], found["text"]
        self._styles.append(style)
        out = [self._restyled()]
        self._held = "" if style == _CODE else text
        while self._held:
            out.append(self._inline(last=True) or "")
        self._styles.pop()
        self._held = after
        return "".join((*out, text if style == _CODE else "", self._restyled()))

    def _restyled(self, more: str = "") -> str:
        codes = ";".join(filter(None, (self._line_style, *self._styles, more)))
        return f"\x1b[0;{codes}m" if codes else "\x1b[0m"
