"""The messages exactly as they were sent, and what of them was replayed."""

from __future__ import annotations

from .. import figures
from ..html.markup import text
from ..html.sections import message_list, message_row, messages_words
from .panel import Glass, framed, lead


def html(glass: Glass) -> str:
    """Every message of the request, replayed or new, and what the memory policy left out."""
    receipt = glass.receipt
    if receipt.kind != "conversation":
        return framed(lead(f"<b>What was sent, for {receipt.kind}.</b>"), message_list(receipt))
    words = f"<b>{messages_words(receipt)}.</b> "
    replayed = figures.replayed_tokens(receipt)
    if receipt.replayed_messages:
        cost = f", {replayed:,} of {receipt.reply.usage.input_total:,} tokens" if replayed else ""
        words += (
            "The model remembers nothing: what was said before is sent again with every "
            f"turn{cost}."
        )
    else:
        words += "Nothing was said before: this is all that the model knows of the conversation."
    dropped = "".join(message_row(each, None, "dropped") for each in receipt.memory.dropped)
    left_out = (
        f"<h4>Left out by the memory policy {text(receipt.memory.policy)}</h4>"
        f'<ol class="said-list">{dropped}</ol>'
        if dropped
        else ""
    )
    return framed(lead(words), message_list(receipt), left_out)
