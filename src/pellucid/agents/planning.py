"""A task divided into steps: what the planner is asked, and what its answer must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..value import value
from .agent import Agent

LONGEST = 200
"""Characters of a step's task."""
STEPS_EACH = 4
"""Steps for each agent, at most: a small model goes on repeating itself. One that reads files has a
single step, since it is carried out for each of them."""


@value
class Step:
    agent: Agent
    task: str


def question(agent: Agent, task: str) -> str:
    helpers = "\n".join(
        f"- {each.name}: {each.about or each.instructions}" for each in agent.offers
    )
    return (
        f"Helpers:\n{helpers}\n\nTask: {task}\n\n"
        "Divide the task: one step for each helper that is needed, with what it is to do in at "
        "most ten words. Answer with JSON."
    )


def schema(agent: Agent) -> dict[str, Any]:
    """What a plan for the agents offered to `agent` looks like."""
    step = {
        "type": "object",
        "properties": {
            "agent": {"enum": [each.name for each in agent.offers]},
            "task": {"type": "string", "minLength": 1, "maxLength": LONGEST},
        },
        "required": ["agent", "task"],
        "additionalProperties": False,
    }
    most = sum(1 if each.reading else STEPS_EACH for each in agent.offers)
    return {
        "type": "object",
        "properties": {"steps": {"type": "array", "items": step, "minItems": 1, "maxItems": most}},
        "required": ["steps"],
        "additionalProperties": False,
    }


def steps(agent: Agent, plan: Mapping[str, Any]) -> list[Step]:
    """The steps of a plan that fits the schema, none of them twice."""
    named = {each.name: each for each in agent.offers}
    found: dict[tuple[str, str], Step] = {}
    for each in plan["steps"]:
        helper, task = named[each["agent"]], " ".join(each["task"].split())
        found.setdefault((helper.name, "" if helper.reading else task), Step(helper, task))
    return list(found.values())
