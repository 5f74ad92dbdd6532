"""`holdfast init`, `check` and `new`: what stands before a run."""

from pathlib import Path
from typing import Annotated, Final, Literal, cast

import typer

from console.context import AsJson, out, say, say_json
from console.render import table
from trading import config_reader
from trading.config_text import heading, render
from trading.errors import SetupError, nearest
from trading.strategies.templates import write_template

CONFIG_DEFAULT: Final = Path("holdfast.toml")
PROFILE_DEFAULT: Final = "micro-equity"
_KINDS: Final = ("strategy", "policy")


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = CONFIG_DEFAULT,
    *,
    profile: Annotated[
        str, typer.Option(help="What to start from: micro-equity, es, es-busy or demo.")
    ] = PROFILE_DEFAULT,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="KEY=VALUE in place of the profile's, as often as wanted; keys as in check "
            "--show, entries of a list by name: instruments.SPY.lot=1.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a commented configuration with every value; an existing file is left alone.

    Example: holdfast init mine.toml --set limits.daily_loss_max_usd=5 --set instruments.SPY.lot=1
    """
    text = _profile_text(profile)
    if assignments:
        source = f"profile {profile} with --set"
        config = config_reader.parse(text, source, environment={}, assignments=assignments)
        text = render(config, heading(text))
    target = path.expanduser().absolute()
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SetupError(
            f"{target} exists and is left as it is; give another name, or remove it first"
        ) from None
    except OSError as error:
        raise SetupError(f"{target} cannot be written: {error.strerror}") from error
    if as_json:
        say_json({"written": str(target)})
    else:
        say(f"written {target}; check it with `holdfast check {path}`")


def _profile_text(profile: str) -> str:
    folder = config_reader.default_path().parent
    known = sorted(found.stem for found in folder.glob("*.toml"))
    if profile not in known:
        raise SetupError(
            f"--profile must be one of {', '.join(known)}; was {profile!r}{nearest(profile, known)}"
        )
    return (folder / f"{profile}.toml").read_text(encoding="utf-8")


def check(
    *,
    path: Annotated[Path, typer.Argument(help="The configuration.")] = CONFIG_DEFAULT,
    show: Annotated[
        bool, typer.Option("--show", help="Every effective value and where it comes from.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a configuration and where, or that nothing is."""
    target = path.expanduser().absolute()
    config = config_reader.load(target)
    values = list(config_reader.settings(target)) if show else []
    if as_json:
        shown = [{"key": key, "value": value, "from": origin} for key, value, origin in values]
        say_json({"path": str(target), "digest": config.digest(), "values": shown})
        return
    if values:
        out().print(table(str(target), ("key", "value", "from"), values))
    names = ", ".join(strategy.name for strategy in config.strategies if strategy.enabled)
    symbols = ", ".join(instrument.symbol for instrument in config.instruments)
    say(f"{target} is well: trades {symbols} by {names or 'no strategy'}")


def new(
    *,
    kind: Annotated[str, typer.Argument(help="strategy or policy.")],
    name: Annotated[str, typer.Argument(help="Its name; also that of its file.")],
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where to; default ./strategies or ./policies.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a one-file strategy or policy, and its test, which pass as they are.

    Example: holdfast new strategy mean_revert
    """
    if kind not in _KINDS:
        raise SetupError(f"new makes a strategy or a policy; was {kind!r}{nearest(kind, _KINDS)}")
    place = folder or Path("strategies" if kind == "strategy" else "policies")
    written = write_template(
        cast("Literal['strategy', 'policy']", kind), name, place.expanduser().absolute()
    )
    if as_json:
        say_json({"written": [str(path) for path in written]})
        return
    for path in written:
        say(f"written {path}")
    if kind == "strategy":
        say(f'name it in the configuration: [[strategies]] name = "{name}"')
    else:
        say(f'name it in the configuration: policies = ["{name}"]')
