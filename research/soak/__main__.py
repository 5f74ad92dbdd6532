"""`make soak`: a long session, its figures, and exit code 1 when something grew."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import orjson

from research.soak.sample import Sample, lines, verdict
from research.soak.session import SoakFailedError, accelerated, real_time


def main() -> int:
    """Exit code: 0 nothing grew, 1 something did."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--sessions", type=int, default=90, help="days of an accelerated session")
    parser.add_argument("--minutes", type=float, help="real time at a simulated venue instead")
    parser.add_argument("--every", type=float, help="seconds between looks; 2, fast 0.25")
    parser.add_argument("--samples", type=Path, help="file that takes every look")
    options = parser.parse_args()
    every_s = options.every or (0.25 if options.minutes is None else 2.0)
    told = 0

    def tell(sample: Sample) -> None:
        nonlocal told
        told += 1
        if told % 30 == 1:
            sys.stderr.write(lines([sample])[0].decode() + "\n")

    with tempfile.TemporaryDirectory(prefix="holdfast-soak-") as name:
        folder = Path(name)
        if options.minutes is None:
            session = accelerated(folder, options.sessions, every_s, tell)
        else:
            session = real_time(folder, options.minutes, every_s, tell)
        try:
            watched = asyncio.run(session)
        except SoakFailedError as error:
            sys.stderr.write(f"{error}; {(folder / 'run.txt').read_text()[-500:]}\n")
            return 1
    figures, problems = verdict(watched.samples)
    if watched.exit_code:
        problems.append(f"the run ended with {watched.exit_code}")
    problems += [f"false alarm: {text}" for text in watched.false_alarms]
    if options.samples is not None:
        options.samples.write_bytes(b"\n".join(lines(watched.samples)) + b"\n")
    figures["false_alarms"] = len(watched.false_alarms)
    sys.stdout.write(orjson.dumps({**figures, "problems": problems}).decode() + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
