"""Pellucid: talk to a language model and see what really happened.

Names are loaded when they are first used, so that `import pellucid` costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; importing `typing` for it takes 10 ms

if TYPE_CHECKING:
    from .chat import Chat as Chat
    from .dialects.openai_transcription import Transcript as Transcript
    from .messages import Message as Message
    from .messages import Options as Options
    from .models.embeddings import Embeddings as Embeddings
    from .models.embeddings import embed as embed
    from .models.names import open_model as model
    from .models.tokenizers import open_tokenizer as tokenizer
    from .pictures.drawing import draw as draw
    from .pictures.picture import Picture as Picture
    from .prompt.values import Prompt as Prompt
    from .record.receipt import Receipt as Receipt
    from .replies import Reply as Reply
    from .speech.hearing import transcribe as transcribe
    from .speech.speaking import Speech as Speech
    from .speech.speaking import speak as speak
    from .tokens.encoding import Encoding as Encoding
    from .tools.shapes import as_tools as as_tools
    from .tools.tool import Tool as Tool
    from .tools.tool import tool as tool
    from .ui.own import gradio_fn as gradio_fn
    from .web.api import brochure as brochure
    from .web.api import summarize as summarize

__version__ = "0.1.0"

_HOMES = {
    "Chat": ("chat", "Chat"),
    "Embeddings": ("models.embeddings", "Embeddings"),
    "Encoding": ("tokens.encoding", "Encoding"),
    "Message": ("messages", "Message"),
    "Options": ("messages", "Options"),
    "Picture": ("pictures.picture", "Picture"),
    "Prompt": ("prompt.values", "Prompt"),
    "Receipt": ("record.receipt", "Receipt"),
    "Reply": ("replies", "Reply"),
    "Speech": ("speech.speaking", "Speech"),
    "Transcript": ("dialects.openai_transcription", "Transcript"),
    "speak": ("speech.speaking", "speak"),
    "transcribe": ("speech.hearing", "transcribe"),
    "gradio_fn": ("ui.own", "gradio_fn"),
    "draw": ("pictures.drawing", "draw"),
    "embed": ("models.embeddings", "embed"),
    "brochure": ("web.api", "brochure"),
    "Tool": ("tools.tool", "Tool"),
    "as_tools": ("tools.shapes", "as_tools"),
    "tool": ("tools.tool", "tool"),
    "model": ("models.names", "open_model"),
    "summarize": ("web.api", "summarize"),
    "tokenizer": ("models.tokenizers", "open_tokenizer"),
}

__all__ = [
    "Chat",
    "Embeddings",
    "Encoding",
    "Message",
    "Options",
    "Picture",
    "Prompt",
    "Receipt",
    "Reply",
    "Speech",
    "Tool",
    "Transcript",
    "__version__",
    "as_tools",
    "brochure",
    "draw",
    "embed",
    "gradio_fn",
    "model",
    "speak",
    "summarize",
    "tokenizer",
    "tool",
    "transcribe",
]


def __getattr__(name: str) -> object:
    if name == "ui":  # a package with functions of its own
        from importlib import import_module

        return import_module(".ui", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    from importlib import import_module

    from .views.notebook import install

    module, attribute = _HOMES[name]
    found = getattr(import_module(f".{module}", __name__), attribute)
    install()
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
