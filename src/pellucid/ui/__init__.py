"""The page: a conversation on the left, what really happened on the right. Needs the extra `ui`.

    pellucid.ui.launch()        the page, as `pellucid ui` opens it
    pellucid.ui.chat(fn)        the page in front of a function of your own
    pellucid.gradio_fn(...)     a function for gr.ChatInterface

Nothing of Gradio is loaded before one of them is called.
"""

from __future__ import annotations

from .own import chat as chat
from .own import gradio_fn as gradio_fn
from .own import launch as launch
