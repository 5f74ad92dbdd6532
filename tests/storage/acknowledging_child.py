"""Stages rows for ever and prints each acknowledged sequence, until the test kills it."""

import os
import sys
from pathlib import Path

from storage import open_record
from tests.storage.staging import event, request
from trading.ports import Durable, Outcome


def acknowledge(outcome: Outcome) -> None:
    """Print after the commit: whoever reads the line may rely on the row."""
    if isinstance(outcome, Durable):
        os.write(1, f"{outcome.last_seq}\n".encode())


def main(data_dir: str) -> None:
    """Go on with the last run, or begin one, and write until killed."""
    record = open_record(Path(data_dir), is_eager=True)
    record.deliver_to(acknowledge)
    last = record.last_run()
    if last is None:
        record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
        seq = 0
    else:
        record.resume_run(last.run)
        seq = sum(1 for _ in record.events("account:main", last.run))
    os.write(1, b"ready\n")
    while True:
        seq += 1
        noted = event("Noted", f"order/{seq % 7}", n=seq, text="x" * (seq % 300))
        record.stage(request(seq, noted, noted, claims=[("intent", str(seq))], tape_seq=seq))
        if seq % 3 == 0:
            record.settle()


if __name__ == "__main__":
    main(sys.argv[1])
