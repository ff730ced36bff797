"""Values as terminal text. Each function returns a string; nothing in it acts on the terminal
but, with `color`, the colour codes of this package."""

from __future__ import annotations

from .budgets import budget as budget
from .comparisons import columns as columns
from .comparisons import comparison as comparison
from .divergences import divergence as divergence
from .prompts import chips as chips
from .prompts import prompt as prompt
from .prompts import tokens as tokens
from .receipts import receipt as receipt
from .receipts import status_line as status_line
from .receipts import summaries as summaries
from .replies import plain as plain
from .replies import why as why
from .style import cells as cells
from .style import heading as heading
from .style import wants_color as wants_color
from .tools import called as called
from .tools import ran as ran
