"""The strategies and policies of a configuration, as the system builds them."""

from pathlib import Path
from typing import Any

from actors.system import StrategyBuild
from trading.config import Config
from trading.strategies import Strategy
from trading.strategies.catalogue import Configured, configured, policies, strategies_folder


class FoundStrategies:
    """What runs, and what lies in the user's folders.

    Args:
        config: Names what runs.
        base: What a relative folder is relative to.

    Raises:
        ConfigError: A configured strategy or policy is not there, or cannot be used.
    """

    def __init__(self, config: Config, base: Path) -> None:
        """Read the folders and check what is configured."""
        self._folder = strategies_folder(config, base)
        found = configured(config, self._folder)
        self.strategies = [_build(each) for each in found if each.is_enabled]
        self.policies = policies(config, base)

    def rescan(self) -> dict[str, Any]:
        """Look for new files: loaded ones stay disabled until a person enables them (SG-1)."""
        changed = self._folder.rescan()
        return {
            "loaded": [each.name for each in changed if each.kind is not None],
            "failed": {each.name: each.error for each in changed if each.kind is None},
        }


def _build(found: Configured) -> StrategyBuild:
    return StrategyBuild(
        name=found.name,
        instrument=found.instrument,
        indicators=found.kind.indicators,
        make=found.create,
        hears_fills=found.kind.on_fill is not Strategy.on_fill,
        sha256=found.sha256,
        settings=found.settings,
    )
