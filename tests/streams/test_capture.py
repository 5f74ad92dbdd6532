"""A captured day is a recording: what was written, what was lost and counted, and its replay."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.capture import OPEN, Capture, CaptureCounts, Tick
from streams.capture_files import convert
from streams.load import load
from streams.loading import LoadRequest
from streams.replay import messages
from streams.tape import Tape
from trading.market import Aggressor, Quote, TradePrint

OPEN_NS = 1_583_760_600_000_000_000  # 2020-03-09 13:30 UTC, a session's open
S = 1_000_000_000
ONE = 100_000_000


def quote(seq: int, received_ns: int, source_ns: int, bid_1e8: int = 100 * ONE) -> Quote:
    return Quote(
        instrument="SPY",
        bid_1e8=bid_1e8,
        ask_1e8=bid_1e8 + 1,
        bid_size_1e8=ONE // 3,
        ask_size_1e8=2 * ONE,
        at_ns=received_ns,
        source_ns=source_ns,
        tape_seq=seq,
    )


def trade(seq: int, received_ns: int, source_ns: int, trade_id: int = 7) -> TradePrint:
    return TradePrint(
        instrument="SPY",
        price_1e8=12_345_678_901,
        size_1e8=1,
        aggressor=Aggressor.SELL,
        at_ns=received_ns,
        source_ns=source_ns,
        trade_id=trade_id,
        tape_seq=seq,
    )


def capture(folder: Path, told: list[str] | None = None, **options: int) -> Capture:
    return Capture(folder, "alpaca", lost=([] if told is None else told).append, **options)


def replayed(path: Path, target: Path) -> list[Tick]:
    """The ticks of the tape that a file becomes, numbered as they were received."""
    load(LoadRequest(path=path, instruments=("SPY",)), "0" * 64, target)
    with Tape(target) as tape:
        found = [each for each in messages(tape) if isinstance(each, Quote | TradePrint)]
    return [replace(each, tape_seq=at) for at, each in enumerate(found)]


late = st.lists(
    st.tuples(st.integers(0, S), st.integers(-S, S), st.integers(1, 2**40)), min_size=1, max_size=30
)


@given(ticks=late)
@settings(max_examples=10)
def test_what_was_captured_comes_back_with_both_its_times(
    ticks: list[tuple[int, int, int]],
) -> None:
    """MD-1, MD-6: by receipt, the source's stamp beside it, prices to the last digit."""
    received_ns, sent = OPEN_NS + 10 * S, []
    for at, (later_ns, behind_ns, price_1e8) in enumerate(ticks):
        received_ns += later_ns
        source_ns = received_ns - behind_ns
        sent.append(quote(at, received_ns, source_ns + at, bid_1e8=price_1e8))
    with TemporaryDirectory() as folder:
        kept = capture(Path(folder))
        for each in sent:
            kept.take(each)
        kept.close()
        (path,) = convert(Path(folder))
        assert path.relative_to(folder) == Path("20200309/alpaca/SPY-quotes.parquet")
        assert replayed(path, Path(folder) / "x.tape") == sent
    assert kept.counts() == CaptureCounts(
        taken=len(sent), written=len(sent), overflowed=0, failed=0
    )


def test_trades_keep_who_took_them(tmp_path: Path) -> None:
    """MD-6: aggressor and number too; two prints without a number are two prints."""
    sent = [
        trade(0, OPEN_NS + S, OPEN_NS),
        replace(trade(1, OPEN_NS + 2 * S, OPEN_NS, 0), aggressor=Aggressor.BUY),
        replace(trade(2, OPEN_NS + 2 * S, OPEN_NS, 0), aggressor=Aggressor.NONE),
    ]
    kept = capture(tmp_path)
    for each in sent:
        kept.take(each)
    kept.close()
    assert replayed(convert(tmp_path)[0], tmp_path / "x.tape") == sent


def test_a_full_buffer_loses_the_newest_and_counts(tmp_path: Path) -> None:
    """MD-6: the lane never waits for the disk; what is lost is a number and is told once."""
    told: list[str] = []
    kept = capture(tmp_path, told, buffer_max=2)
    for at in range(5):
        kept.take(quote(at, OPEN_NS + at, OPEN_NS + at))
    kept.write()
    kept.take(quote(5, OPEN_NS + 5, OPEN_NS + 5))
    kept.close()
    assert kept.counts() == CaptureCounts(taken=6, written=3, overflowed=3, failed=0)
    assert told == ["3 messages found the buffer full"]


def test_a_disk_that_refuses_twice_costs_what_waits_and_is_counted(tmp_path: Path) -> None:
    """MD-6: one more try, then the loss is told; what comes later is written again."""
    told: list[str] = []
    folder = tmp_path / "capture"
    folder.write_text("a file stands where the folder should")
    kept = capture(folder, told)
    kept.take(quote(0, OPEN_NS, OPEN_NS))
    kept.write()
    assert kept.counts().failed == 1
    assert "1 messages of SPY are on no disk" in told[0]
    folder.unlink()
    kept.take(quote(1, OPEN_NS + 1, OPEN_NS + 1))
    kept.close()
    assert kept.counts() == CaptureCounts(taken=2, written=1, overflowed=0, failed=1)


def test_half_a_write_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MD-6: the first try put half a line there; the second begins where the first one began."""
    kept = capture(tmp_path)
    kept.take(quote(0, OPEN_NS, OPEN_NS))
    kept.write()
    (file,) = kept._files.values()  # noqa: SLF001 - the disk that fails stands behind it
    path = Path(file.name)

    class Failing:
        """Writes half, then says that the disk is full."""

        name = file.name

        def tell(self) -> int:
            return file.tell()

        def write(self, text: str) -> None:
            file.write(text[: len(text) // 2])
            file.flush()

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            file.close()

    key = next(iter(kept._files))  # noqa: SLF001
    monkeypatch.setitem(kept._files, key, Failing())  # noqa: SLF001
    kept.take(quote(1, OPEN_NS + 1, OPEN_NS + 1))
    kept.write()
    lines = path.read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["seq", "0", "1"]
    kept.close()


def test_what_a_killed_process_left_is_taken_up(tmp_path: Path) -> None:
    """MD-6: whole lines stay, the torn one goes; a second conversion doubles nothing."""
    kept = capture(tmp_path)
    kept.take(quote(0, OPEN_NS, OPEN_NS))
    kept.close()
    (closed,) = tmp_path.glob("*/*/*.csv")
    left = closed.with_name(f"SPY-quotes.csv{OPEN}")  # as it was named while it was written
    closed.rename(left)
    left.write_text(left.read_text() + "1,15837")
    again = capture(tmp_path)
    again.take(quote(1, OPEN_NS + 1, OPEN_NS + 1))
    again.close()
    lines = {path: path.read_bytes() for path in tmp_path.glob("*/*/*.csv")}
    assert len(lines) == 2
    (path,) = convert(tmp_path)
    for each, content in lines.items():
        each.write_bytes(content)  # killed before they were removed
    assert convert(tmp_path) == [path]
    assert [each.at_ns for each in replayed(path, tmp_path / "x.tape")] == [OPEN_NS, OPEN_NS + 1]


def test_a_day_that_is_over_is_closed(tmp_path: Path) -> None:
    """MD-6: by day; the file of yesterday is finished while today's is written."""
    kept = capture(tmp_path)
    kept.take(quote(0, OPEN_NS, OPEN_NS))
    kept.take(quote(1, OPEN_NS + 86_400 * S, OPEN_NS))
    kept.write()
    assert [path.parts[-3] for path in tmp_path.glob("*/*/*.csv")] == ["20200309"]
    assert [path.parts[-3] for path in tmp_path.glob(f"*/*/*{OPEN}")] == ["20200310"]
    kept.close()
