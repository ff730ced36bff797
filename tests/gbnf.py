"""A readable matcher of GBNF, llama.cpp's grammars: slow, complete, for tests.

https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

Match = Callable[[str, int], Iterator[int]]
"""Every place where a match that begins at the given place may end."""

TOKEN = re.compile(
    r'\s*("(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[a-z][a-z0-9-]*|\{[0-9]*,?[0-9]*\}|[()|*+?])'
)


def accepts(grammar: str, text: str) -> bool:
    """Whether `text` as a whole is one of the grammar's."""
    bodies = dict(line.split(" ::= ", 1) for line in grammar.splitlines() if line)

    @cache
    def rule(name: str) -> Match:
        return _Parser(bodies[name], lambda other: lambda t, i: rule(other)(t, i)).choice()

    return len(text) in set(rule("root")(text, 0))


class _Parser:
    def __init__(self, body: str, rule: Callable[[str], Match]) -> None:
        self.tokens = TOKEN.findall(body)
        assert "".join(self.tokens).replace(" ", "") == re.sub(r"\s", "", body).replace(" ", "")
        self.rule = rule

    def choice(self) -> Match:
        ways = [self.sequence()]
        while self.tokens and self.tokens[0] == "|":
            self.tokens.pop(0)
            ways.append(self.sequence())
        return lambda t, i: (end for way in ways for end in way(t, i))

    def sequence(self) -> Match:
        steps = []
        while self.tokens and self.tokens[0] not in "|)":
            steps.append(self.repeated(self.atom()))

        def match(t: str, i: int, n: int = 0) -> Iterator[int]:
            if n == len(steps):
                yield i
            else:
                for middle in set(steps[n](t, i)):
                    yield from match(t, middle, n + 1)

        return match

    def atom(self) -> Match:
        token = self.tokens.pop(0)
        if token == "(":
            inner = self.choice()
            assert self.tokens.pop(0) == ")"
            return inner
        if token[0] == '"':
            literal = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), token[1:-1])
            return lambda t, i: iter([i + len(literal)] if t.startswith(literal, i) else [])
        if token[0] == "[":
            pattern = re.compile(token)
            return lambda t, i: iter([i + 1] if pattern.match(t, i) else [])
        return self.rule(token)

    def repeated(self, atom: Match) -> Match:
        sign = self.tokens[0] if self.tokens else ""
        if not sign or sign[0] not in "*+?{":
            return atom
        self.tokens.pop(0)
        if sign[0] == "{":
            least, _, most = sign[1:-1].partition(",")
            low, high = (
                int(least or 0),
                int(most) if most else (10**6 if "," in sign else int(least)),
            )
        else:
            low, high = {"*": (0, 10**6), "+": (1, 10**6), "?": (0, 1)}[sign]

        def match(t: str, i: int) -> Iterator[int]:
            ends = {i}
            for count in range(high + 1):
                if count >= low:
                    yield from ends
                ends = {
                    end for start in ends for end in atom(t, start) if end > start or count < low
                }
                if not ends:
                    return

        return match
