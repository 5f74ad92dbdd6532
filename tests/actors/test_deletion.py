"""Deleting actors in flight: no row of any journal tells that it happened."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from actors.spec import CellState
from research.crash.market import busy_config, busy_tape
from streams.loading import Content
from streams.tape import Tape
from tests.support.play import Played, play, prepare
from trading.config import Config
from trading.config_reader import load

ROLES = ("order", "position", "feed", "strategy")
RUNS: dict[Content, range] = {"bars": range(8), "trades": range(2, 7)}
A_RUN_DELETES = 16

Row = tuple[str, str, str, int, bytes, bytes]


@pytest.fixture(scope="module", params=RUNS)
def content(request: pytest.FixtureRequest) -> Content:
    """What the tape holds: bars, or trades that the feed builds bars of."""
    chosen: Content = request.param
    return chosen


@pytest.fixture(scope="module")
def market(content: Content, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Tape]:
    """A configuration and a tape with many trades in parts."""
    directory = tmp_path_factory.mktemp("busy")
    tape = busy_tape(directory, sessions=2, content=content)
    return load(busy_config(directory)), Tape(tape)


@pytest.fixture(scope="module")
def undisturbed(market: tuple[Config, Tape]) -> list[Row]:
    """Every row of every journal of a run in which nothing is deleted."""
    played = play(*market)
    assert len(played.trades()) >= 10
    return rows_of(played)


def rows_of(played: Played) -> list[Row]:
    """Every journal of a run, whole."""
    return [
        (row.journal_id, row.stream, row.kind, row.at_ns, row.payload, row.hash)
        for journal_id in (played.system.account_name, "system")
        for row in played.record.events(journal_id, played.run)
    ]


class Deleter:
    """Deletes a running actor of a chosen role at chosen moments, from inside other handlers."""

    def __init__(self, played: Played, seed: int, roles: Sequence[str]) -> None:
        """Watch rows of the market and durable decisions go by."""
        self._tree = played.system.tree
        self._random = Random(seed)
        self._roles = roles
        self._wait = self._random.randint(1, 40)
        self.deleted: Counter[str] = Counter()
        played.system.market.subscribe(self._moment)
        played.system.bars.subscribe(self._moment)
        played.system.rounds.listen(lambda *_: self._moment(None))

    def _moment(self, _: Any) -> None:
        self._wait -= 1
        if self._wait > 0:
            return
        names = [
            cell.name
            for cell in self._tree.cells()
            if cell.state is CellState.RUNNING and cell.name.split(":")[0] in self._roles
        ]
        if names:
            name = self._random.choice(sorted(names))
            self.deleted[name.split(":")[0]] += 1
            self._tree.kill(name)
            self._wait = self._random.randint(1, 100)


def test_deleting_actors_in_flight_changes_no_journal_row(
    content: Content, market: tuple[Config, Tape], undisturbed: list[Row]
) -> None:
    """WD-1, ST-2, MD-5: whichever order, position, feed or strategy is deleted, and whenever."""
    deleted: Counter[str] = Counter()
    for seed in RUNS[content]:
        played = prepare(*market)
        roles = (ROLES[seed],) if seed < len(ROLES) else ROLES
        deleter = Deleter(played, seed, roles)
        played.finish()
        assert rows_of(played) == undisturbed, f"seed {seed}"
        assert sum(deleter.deleted.values()) >= A_RUN_DELETES // 2
        deleted += deleter.deleted
    assert sum(deleted.values()) >= 40
    assert all(deleted[role] >= 5 for role in ROLES)
