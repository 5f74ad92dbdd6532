"""Waiting for a run's trades at its venue; in vain, it says why in the run's own words."""

import asyncio
from pathlib import Path
from typing import Any

from tests.support.live import Venue
from tests.support.process import ask

PATIENCE_S = 45.0
"""Without an execution for so long a run is stalled; a restart and a settlement are far shorter."""
_QUESTIONS = {
    "refused by": "SELECT failed_checks, any_value(failed_texts), count(*) n "
    "FROM risk_verdicts WHERE NOT is_approved GROUP BY 1",
    "no trade": "SELECT reason, count(*) n FROM no_trades GROUP BY 1",
    "orders": "SELECT client_order_id, state FROM orders",
    "newest": "SELECT kind, payload[:200] said FROM journal ORDER BY pos DESC LIMIT 12",
}


async def until_traded(where: Venue, executions: int, data_dir: Path) -> dict[str, Any]:
    """Wait until the venue has seen so many executions; its own book then.

    Raises:
        AssertionError: There was none for `PATIENCE_S`; the text says what the run does instead.
    """
    now_s = asyncio.get_running_loop().time
    seen, since_s = 0, now_s()
    while True:
        truth = await where.truth()
        found = len(truth["executions"])
        if found >= executions:
            return truth
        if found > seen:
            seen, since_s = found, now_s()
        if now_s() - since_s > PATIENCE_S:
            said = await asyncio.to_thread(why_silent, data_dir)
            raise AssertionError(f"{found} of {executions} executions, then none: {said}")
        await asyncio.sleep(0.1)  # between two questions; `PATIENCE_S` ends it


def why_silent(data_dir: Path) -> str:
    """Status, refusals and reasons of the run in that directory."""
    found = [ask("status", "--data-dir", str(data_dir))]
    found += [ask("sql", question, "--data-dir", str(data_dir)) for question in _QUESTIONS.values()]
    return "\n".join(
        f"{title}: {said.out}{said.err}"
        for title, said in zip(["status", *_QUESTIONS], found, strict=True)
    )
