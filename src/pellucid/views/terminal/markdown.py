"""Markdown for the terminal as it streams. What is printed stays: nothing is drawn again, so
nothing flickers, and the scrollback holds every line once."""

from __future__ import annotations

import re

from .replies import plain

_MARKER = re.compile(r"(?P<blank> {0,6})(?P<mark>#{1,6} |[-*+] |> |```|)")
_MAY_BE_MARKER = re.compile(r" {0,6}(?:#{0,6}|[-*+>]|`{0,3})")
_LINK = re.compile(r"(!?)\[((?:[^\[\]\n]|\[[^\[\]\n]*\]){0,300})\]\(<?(https?://[!-;=?-~]+?)>?\)")
_MAY_BE_LINK = re.compile(
    r"!?\[(?:[^\[\]\n]|\[[^\[\]\n]*\]){0,300}(?:\[[^\[\]\n]*|\](?:\([^\s()]{0,500})?)?"
)
_BARE = re.compile(r"<(https?://[!-;=?-~]+)>")
_MAY_BE_BARE = re.compile(r"<[!-;=?-~]{0,500}")

_BOLD, _EMPHASIS, _CODE, _HEAD, _LINKED = "1", "3", "36", "1;4", "4"


class MarkdownStream:
    """Turns pieces of Markdown into text with colours; `feed` each piece, then `end`.

    A few characters are held back while it is open what they mean: `**`, or a link's address.
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
        return self._taken(last=True) + ("\x1b[0m" if self._styles or self._line_style else "")

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
            ended = "\x1b[0m\n" if self._styles or self._line_style else "\n"
            self._styles, self._line_style = [], ""
            return ended
        if self._in_fence or self._line_style == "2":
            return self._run(r"[^\n]+")
        if held[0] in "!<[":
            return self._link(last)
        if held[0] in "*`":
            if not last and held in ("*", "`"):
                return None
            return self._toggled()
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
            return self._linked(found[2] or found[3], found[3])
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
        return f"\x1b]8;;{url}\x1b\\{self._restyled(_LINKED)}{text}{self._restyled()}\x1b]8;;\x1b\\"

    def _toggled(self) -> str:
        held = self._held
        mark = "**" if held.startswith("**") else held[0]
        style = {"**": _BOLD, "*": _EMPHASIS, "`": _CODE}[mark]
        self._held = held[len(mark) :]
        if style in self._styles:
            self._styles.remove(style)
        elif mark != "*" or re.match(r"\S", self._held or " "):
            self._styles.append(style)
        else:
            return mark  # a star between blanks is a star
        return self._restyled()

    def _restyled(self, more: str = "") -> str:
        codes = ";".join(filter(None, (self._line_style, *self._styles, more)))
        return f"\x1b[0;{codes}m" if codes else "\x1b[0m"
