"""Agents: a model with instructions, tools, and other agents offered as tools."""

from __future__ import annotations

from .agent import Agent as Agent
from .files import open_agent as open_agent
from .notebook import Notebook as Notebook
from .outcome import Outcome as Outcome
from .running import Run as Run
from .running import run as run
