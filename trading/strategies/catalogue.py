"""Which strategies and policies a configuration runs: built-in ones and files of the user."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trading.config import Config
from trading.errors import ConfigError
from trading.policies import Policy
from trading.strategies.api import Strategy, Value, configure
from trading.strategies.dip_buyer import DipBuyerStrategy
from trading.strategies.loader import Folder
from trading.strategies.vwap_reversion import VwapReversionStrategy

BUILT_IN: Final[Mapping[str, type[Strategy]]] = {
    kind.name: kind for kind in (VwapReversionStrategy, DipBuyerStrategy)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """One strategy as configured. `sha256` is its file's, empty for a built-in one."""

    name: str
    instrument: str
    is_enabled: bool
    kind: type[Strategy]
    settings: Mapping[str, Value]
    sha256: str = ""

    def create(self) -> Strategy:
        """A new one without a past; after a crash it reads the session's bars again."""
        return self.kind(self.settings)


def strategies_folder(config: Config, base: Path) -> Folder[Strategy]:
    """The user's strategies; `base` is what a relative folder is relative to."""
    enabled = frozenset(strategy.name for strategy in config.strategies if strategy.enabled)
    return Folder(base / config.run.strategies_dir, Strategy, enabled)  # type: ignore[type-abstract]


def configured(config: Config, folder: Folder[Strategy]) -> list[Configured]:
    """Every strategy that the configuration names, in its order, settings checked.

    Raises:
        ConfigError: No such strategy, a file that cannot be used, two of one name, or a setting
            that is unknown, out of range or in contradiction with another.
    """
    return [_one(config, index, folder) for index in range(len(config.strategies))]


def _one(config: Config, index: int, folder: Folder[Strategy]) -> Configured:
    named = config.strategies[index]
    where = f"strategies[{index}]"
    loaded = folder.get(named.name)
    if named.name in BUILT_IN:
        if loaded is not None:
            raise ConfigError(
                f"{where}.name: {named.name} is built in and {loaded.path} too; rename"
            )
        kind = BUILT_IN[named.name]
    else:
        kind = folder.require(named.name, f"{where}.name")
    made = Configured(
        name=named.name,
        instrument=named.instrument,
        is_enabled=named.enabled,
        kind=kind,
        settings=configure(kind, named.parameters, f"{where}.parameters"),
        sha256="" if loaded is None else loaded.sha256,
    )
    try:
        made.create()
    except Exception as error:
        raise ConfigError(f"{where}: {named.name} cannot be made: {error}") from error
    return made


def policies(config: Config, base: Path) -> list[Policy]:
    """Every veto policy that the configuration names, in its order.

    Raises:
        ConfigError: No such file, or it cannot be used: without its veto nothing is traded.
    """
    enabled = frozenset(config.policies)
    folder = Folder(base / config.run.policies_dir, Policy, enabled)  # type: ignore[type-abstract]
    made = []
    for index, name in enumerate(config.policies):
        where = f"policies[{index}]"
        kind = folder.require(name, where)
        try:
            made.append(kind())
        except Exception as error:
            raise ConfigError(f"{where}: {name} cannot be made: {error}") from error
    return made
