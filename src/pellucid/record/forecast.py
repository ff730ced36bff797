"""What a text would cost before it is sent: once, embedded, or again at every turn of a chat."""

from __future__ import annotations

from ..errors import UsageError
from ..messages import Known
from ..models.windows import Window, find_window
from ..replies import Usage
from ..value import value
from .prices import Cost, Price, add, cost, price_of

EMBEDDER = "openai/text-embedding-3-small"
"""The embedding model a forecast assumes when none is named."""


@value
class Conversation:
    """A text of `tokens` tokens in front of a chat, the whole history sent at every turn.

    Each of the `turns` adds `per_turn` tokens asked and `reply` tokens answered. `usage` sums
    every call, all input fresh, as without a prefix cache. `longest` is the last call, its answer
    included; `overflows` is the first turn that the window has no room for.
    """

    tokens: int
    turns: int
    per_turn: int
    reply: int
    usage: Usage
    longest: int
    overflows: int | None
    cost: Cost | None

    @property
    def formula(self) -> str:
        """The sums in words, for the total of input tokens."""
        return (
            f"{self.turns} × {self.tokens:,} (the text) + {self.per_turn:,} × "
            f"{self.turns}·{self.turns + 1}/2 (asked) + {self.reply:,} × "
            f"{self.turns}·{self.turns - 1}/2 (answered) = {self.usage.fresh:,} tokens in"
        )


@value
class Forecast:
    """What a text of `tokens` tokens would cost; `None` wherever a price or window is not known.

    `known` is how the tokens were counted; `fits` is how many such texts the window holds. The
    text is embedded by another model than `model`, whose vocabulary may count otherwise: `embed`
    is then an estimate.
    """

    model: str
    tokens: int
    known: Known
    price: Price | None
    send: Cost | None
    embedder: str
    embed: Cost | None
    window: Window | None
    fits: int | None
    conversation: Conversation | None


def forecast(
    model: str,
    tokens: int,
    known: Known = "exact",
    *,
    turns: int | None = None,
    per_turn: int = 0,
    reply: int = 0,
    embedder: str = EMBEDDER,
) -> Forecast:
    """What a text counted as `tokens` tokens for `model` would cost.

    With `turns`, also a conversation: see `converse`. Raises `UsageError` for counts that cannot
    be.
    """
    price = price_of(model)
    window = find_window(model)
    embedding = price_of(embedder)
    same = price is not None and embedding is not None and price.model == embedding.model
    chat = None
    if turns is not None:
        room = window.tokens if window else None
        chat = converse(tokens, price, turns, per_turn, reply, window=room, known=known)
    return Forecast(
        model=model,
        tokens=tokens,
        known=known,
        price=price,
        send=_once(tokens, price, known),
        embedder=embedder,
        embed=_once(tokens, embedding, known if same else "estimated"),
        window=window,
        fits=window.tokens // tokens if window and tokens else None,
        conversation=chat,
    )


def _once(tokens: int, price: Price | None, known: Known) -> Cost | None:
    return cost(Usage(fresh=tokens, known=known), price) if price else None


def converse(
    tokens: int,
    price: Price | None,
    turns: int,
    per_turn: int,
    reply: int,
    *,
    window: int | None = None,
    known: Known = "exact",
) -> Conversation:
    """A chat of `turns` turns with a text of `tokens` tokens in front.

    Turn k sends the text, k questions and k - 1 answers, so that the input grows with the square
    of the turns. Each call is priced by its own length, as tiered prices are. Raises `UsageError`
    when there is no turn or a count is negative.
    """
    if turns < 1 or min(tokens, per_turn, reply) < 0:
        raise UsageError("A conversation has at least one turn, and no negative token counts.")
    calls = [
        Usage(fresh=tokens + k * per_turn + (k - 1) * reply, output=reply, known=known)
        for k in range(1, turns + 1)
    ]
    costs = [cost(call, price) for call in calls] if price else []
    known_costs = [c for c in costs if c is not None]
    sizes = [call.fresh + call.output for call in calls]
    return Conversation(
        tokens=tokens,
        turns=turns,
        per_turn=per_turn,
        reply=reply,
        usage=Usage(fresh=sum(c.fresh for c in calls), output=turns * reply, known=known),
        longest=sizes[-1],
        overflows=next((k for k, n in enumerate(sizes, 1) if window and n > window), None),
        cost=add(known_costs) if len(known_costs) == turns else None,
    )
