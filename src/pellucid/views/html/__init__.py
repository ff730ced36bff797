"""Values as HTML: a page for one receipt, and fragments that stand alone in a notebook's cell.

Whatever a person, a model, a page or a tool wrote is escaped; nothing asks any host for anything.
"""

from __future__ import annotations

from .fragments import encoding_fragment as encoding_fragment
from .fragments import picture_fragment as picture_fragment
from .fragments import prompt_fragment as prompt_fragment
from .fragments import receipt_fragment as receipt_fragment
from .fragments import reply_fragment as reply_fragment
from .fragments import speech_fragment as speech_fragment
from .markdown import brochure_fragment as brochure_fragment
from .markdown import live_fragment as live_fragment
from .markdown import summary_fragment as summary_fragment
from .page import receipt_page as receipt_page
