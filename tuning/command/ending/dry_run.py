"""How a dry run ends: it says that nothing was started, and to programs what would have been."""

from __future__ import annotations

import json
from typing import TextIO

from common.security import terminal
from tuning.plan import plan as plans
from tuning.plan.plan import Plan

NOTHING_STARTED = "A dry run: nothing was started."


def end(plan: Plan, answer: TextIO | None, cost: str | None = None) -> int:
    """Say what it would cost, where that is known, and that nothing was started; to `answer`, where there is one, a
    line of JSON: search, where, and plan, as in search.json.

    Returns:
        the exit code.
    """
    terminal.say(f"{cost}\n\n{NOTHING_STARTED}" if cost else NOTHING_STARTED)
    if answer:
        about = {"search": plan.name, "where": plan.where, "plan": plans.to_json(plan)}
        terminal.say(json.dumps(about, default=str), answer)
    return 0
