"""Reads a configuration file, and says in one line what is wrong with it and where."""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from rust_core import AccountCore, PaperVenueBook
from trading.calendar import Calendar
from trading.config import Config, LimitsSection
from trading.config_desk import ALERT_PREFIX, AlertsSection
from trading.config_edit import put
from trading.config_fields import Section
from trading.errors import ConfigError, nearest
from trading.run_options import Mode

PREFIX: Final = "HOLDFAST_"
# No operational control lives in an environment variable (KC-6): these say how tests and logs run.
KNOWN_VARIABLES: Final = {
    "HOLDFAST_SOAK": "tests look further (make soak ARGS=tests)",
    "HOLDFAST_SHARED_DATA": "where tests find recordings",
    "HOLDFAST_ALPACA_KEY": "key id of the account at Alpaca",
    "HOLDFAST_ALPACA_SECRET": "its secret key",
    "HOLDFAST_ALPACA_FILE": "a private file with both, one on each line (chmod 600)",
    "HOLDFAST_POLYMARKET_ADDRESS": "address of the wallet at Polymarket",
    "HOLDFAST_POLYMARKET_PRIVATE_KEY": "the private key that opens it, 64 hex digits",
    "HOLDFAST_POLYMARKET_FILE": "a private file with both, one on each line (chmod 600)",
    "HOLDFAST_TRADIER_ACCOUNT": "number of the account at Tradier",
    "HOLDFAST_TRADIER_TOKEN": "the access token that opens it",
    "HOLDFAST_TRADIER_FILE": "a private file with both, one on each line (chmod 600)",
}
SECRET_WORDS: Final = re.compile(r"(secret|password|token|api_?key|credential)", re.IGNORECASE)
# RK-14: what a LIVE configuration states itself, as a number or by name as "none".
LIVE_RAILS: Final = (
    "risk_per_trade_usd",
    "daily_loss_max_usd",
    "weekly_loss_max_usd",
    "position_notional_max_usd",
    "exposure_max_ratio",
    "positions_max",
    "entries_per_window_max",
    "entries_per_session_max",
)

_WORDS: Final = {
    "decimal": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "a text",
    "object": "a table",
    "array": "a list",
    r" \| null": "",
}


def load(
    path: Path, *, mode: Mode | None = None, environment: Mapping[str, str] = os.environ
) -> Config:
    """Read, check and freeze a configuration.

    Args:
        path: A TOML file.
        mode: The run's mode where the command line overrides the file's.
        environment: Checked for variables with our prefix that nobody reads.

    Raises:
        ConfigError: The file cannot be read, a key or value is wrong, or a LIVE rail is missing.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8 text, found byte {error.start}") from error
    return parse(text, str(path), mode=mode, environment=environment)


def parse(
    text: str,
    source: str,
    *,
    mode: Mode | None = None,
    environment: Mapping[str, str] = os.environ,
    assignments: Iterable[str] = (),
) -> Config:
    """The configuration that a text holds; `source` stands in error texts.

    Args:
        text: TOML.
        source: Where it is from.
        mode: As in `load`.
        environment: As in `load`.
        assignments: `KEY=VALUE` texts that stand over the text's own values.

    Raises:
        ConfigError: As `load`.
    """
    refuse_unknown_variables(environment)
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: expected TOML, found an error: {error}") from error
    put(values, assignments)
    _refuse_unknown_keys(values, Config, source, "")
    config = _convert(_without_none(values, Config, source, ""), source)
    _refuse_unknown_channels(environment, config.alerts)
    _refuse_contradictions(config, source)
    if (mode or config.run.mode) is Mode.LIVE:
        _refuse_missing_rails(values, source)
    _refuse_what_the_core_refuses(config, mode, source)
    return config


def _refuse_what_the_core_refuses(config: Config, mode: Mode | None, source: str) -> None:
    """The account core and the paper venue have bounds of their own: say so before a start."""
    try:
        AccountCore(config.account_json(mode))
        PaperVenueBook(config.paper_json())
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from error


def refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """A misspelt variable would be ignored without a word; refuse it instead.

    Raises:
        ConfigError: A variable has our prefix and no meaning.
    """
    for name in sorted(environment):
        if name.startswith(ALERT_PREFIX):
            continue  # compared with the channels that the configuration names
        if name.startswith(PREFIX) and name not in KNOWN_VARIABLES:
            raise ConfigError(
                f"environment: {name} is not a variable of Holdfast{nearest(name, KNOWN_VARIABLES)}"
                "; settings stand in the configuration file"
            )


def _refuse_unknown_channels(environment: Mapping[str, str], alerts: AlertsSection) -> None:
    known = {channel.variable for channel in alerts.channels}
    known |= {f"{name}_FILE" for name in known}
    for name in sorted(environment):
        if name.startswith(ALERT_PREFIX) and name not in known:
            raise ConfigError(
                f"environment: {name} is the address of no channel in [[alerts.channels]]"
                f"{nearest(name, known)}"
            )


def default_path() -> Path:
    """The configuration of a run that names none: a demonstration on a generated market.

    Raises:
        ConfigError: There is no such file: neither a checkout nor a whole wheel.
    """
    path = Path(__file__).resolve().parent.parent / "configs" / "demo.toml"
    if not path.exists():
        raise ConfigError(
            f"no configuration was named, and {path} is missing: this installation is not whole, "
            "install it anew, or name one with --config"
        )
    return path


def read_secret(path: Path) -> str:
    """The text of a secret's file, without the line end.

    Raises:
        ConfigError: It cannot be read, is empty, or others on this machine can read it (BR-4).
    """
    try:
        with path.open() as file:
            permissions = os.fstat(file.fileno()).st_mode & 0o777
            if permissions & 0o077:
                raise ConfigError(
                    f"{path}: expected a secret that only its owner reads (0600), "
                    f"found {permissions:04o}; run `chmod 600 {path}`"
                )
            text = file.read().strip()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if not text:
        raise ConfigError(f"{path}: expected a secret, found an empty file")
    return text


def settings(path: Path) -> Iterator[tuple[str, str, str]]:
    """Every effective value as (key, value, where it comes from), for `holdfast check --show`.

    Raises:
        ConfigError: As `load`.
    """
    config = load(path)
    given = dict(_flat(tomllib.loads(path.read_text(), parse_float=Decimal), ""))
    for key, value in _flat(msgspec.to_builtins(config, builtin_types=(Decimal,)), ""):
        yield key, "none" if value is None else str(value), "file" if key in given else "default"


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple) and value:
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{index}]")
    else:
        yield path, value


# --- from values to sections --------------------------------------------------------------------


def _refuse_unknown_keys(values: Any, section: type[Section], source: str, path: str) -> None:
    if not isinstance(values, dict):
        return  # msgspec says what was expected
    hints = get_type_hints(section)
    for key, value in values.items():
        if key not in hints:
            if SECRET_WORDS.search(key):
                raise ConfigError(
                    f"{source}: {path}{key}: secrets never stand in the configuration (BR-4); "
                    "put it into a file that only you can read"
                )
            raise ConfigError(f"{source}: {path}{key}: unknown key{nearest(key, hints)}")
        inner = _section_in(hints[key])
        if inner is None:
            continue
        if isinstance(value, list):
            for index, item in enumerate(value):
                _refuse_unknown_keys(item, inner, source, f"{path}{key}[{index}].")
        else:
            _refuse_unknown_keys(value, inner, source, f"{path}{key}.")


def _section_in(hint: Any) -> type[Section] | None:
    """The section that a field holds, alone or in a tuple."""
    if isinstance(hint, type) and issubclass(hint, Section):
        return hint
    if get_origin(hint) is tuple:
        return _section_in(get_args(hint)[0])
    return None


def _without_none(values: Any, section: type[Section], source: str, path: str) -> Any:
    """`"none"`, the way to take a limit away by name, as None; refused where a limit must be."""
    if not isinstance(values, dict):
        return values
    hints = get_type_hints(section)
    done: dict[str, Any] = {}
    for key, value in values.items():
        inner = _section_in(hints[key])
        if inner is not None and isinstance(value, list):
            done[key] = [_without_none(item, inner, source, path) for item in value]
        elif inner is not None:
            done[key] = _without_none(value, inner, source, f"{path}{key}.")
        elif value == "none" and type(None) in _parts(hints[key]):
            done[key] = None
        elif value == "none" and _parts(hints[key]) & {Decimal, int}:
            raise ConfigError(f"{source}: {path}{key}: expected a number; it cannot be none")
        else:
            done[key] = value
    return done


def _parts(hint: Any) -> set[Any]:
    if get_origin(hint) is Annotated:
        return _parts(get_args(hint)[0])
    return set(get_args(hint)) if get_origin(hint) in (Union, UnionType) else {hint}


def _convert(values: Any, source: str) -> Config:
    try:
        return msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_sentence(str(error), values)}") from error


def _sentence(text: str, values: Any) -> str:
    """The words of msgspec in ours: KEY: expected ..., found ...."""
    what, _, where = text.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    own = re.match(r"([\w.]+): (expected .*)", what, re.DOTALL)
    if own:
        return f"{path}.{own[1]}: {own[2]}" if path else f"{own[1]}: {own[2]}"
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing:
        key = f"{path}.{missing[1]}" if path else missing[1]
        return f"{key}: expected a value, found none"
    return f"{path}: {_expected(what)}, found {_shown(_at(values, path))}"


def _expected(what: str) -> str:
    if what.startswith("Invalid decimal"):
        return "expected a number"
    if what.startswith("Invalid enum"):
        return "expected one of the names in its comment"
    text = re.sub(r", got .*", "", what).replace("`", "").replace("Expected", "expected", 1)
    text = text.replace("str matching regex", "a text like")
    for theirs, ours in _WORDS.items():
        text = re.sub(rf"\b{theirs}\b", ours, text)
    return text


def _at(values: Any, path: str) -> Any:
    for part in re.findall(r"\w+|\[\d+\]", path):
        try:
            values = values[int(part[1:-1]) if part.startswith("[") else part]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return str(value) if isinstance(value, Decimal) else repr(value)


# --- rules over more than one key ---------------------------------------------------------------


def _refuse_contradictions(config: Config, source: str) -> None:
    if not config.instruments:
        raise ConfigError(f"{source}: instruments: expected at least one, found none")
    symbols = [instrument.symbol for instrument in config.instruments]
    _refuse_repeats(symbols, f"{source}: instruments")
    _refuse_repeats([strategy.name for strategy in config.strategies], f"{source}: strategies")
    wanted = [
        (f"strategies[{i}].instrument", s.instrument) for i, s in enumerate(config.strategies)
    ]
    for key, symbol in wanted:
        _refuse_unknown(symbol, symbols, f"{source}: {key}")
    _refuse_unknown(config.input.calendar, Calendar.products(), f"{source}: input.calendar")
    weekly = config.limits.weekly_loss_max_usd
    if weekly is not None and weekly < config.limits.daily_loss_max_usd:
        raise ConfigError(
            f"{source}: limits.weekly_loss_max_usd: expected at least daily_loss_max_usd "
            f"({config.limits.daily_loss_max_usd}), found {weekly}"
        )


def _refuse_unknown(found: str, known: list[str], where: str) -> None:
    if found not in known:
        raise ConfigError(
            f"{where}: expected one of {', '.join(known)}, found {found!r}{nearest(found, known)}"
        )


def _refuse_repeats(names: list[str], where: str) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ConfigError(f"{where}[{index}]: expected a name of its own, found {name!r} twice")


def _refuse_missing_rails(values: Mapping[str, Any], source: str) -> None:
    given = values.get("limits", {})
    missing = [rail for rail in LIVE_RAILS if rail not in given]
    if missing:
        raise ConfigError(
            f"{source}: limits: LIVE expects every rail by name (RK-14), missing "
            f'{", ".join(missing)}; write a number, or "none" where '
            f"{', '.join(_optional_rails())} may go without"
        )


def _optional_rails() -> list[str]:
    hints = get_type_hints(LimitsSection)
    return [rail for rail in LIVE_RAILS if type(None) in _parts(hints[rail])]
