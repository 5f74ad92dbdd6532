"""What a trader's process does before it begins."""

from pathlib import Path

import pytest

from actors.process import cut_off_run
from storage import MemoryRecord
from trading.errors import SafetyRefusedError
from trading.run_options import Mode, RunOptions


def cut_off(mode: Mode) -> MemoryRecord:
    """A record whose newest run has not ended."""
    record = MemoryRecord()
    record.begin_run(mode=mode, config_hash="c", source="a test", started_ns=1)
    return record


@pytest.mark.parametrize(("was", "now"), [(Mode.LIVE, Mode.PAPER), (Mode.PAPER, Mode.LIVE)])
def test_a_run_is_never_gone_on_with_in_another_mode(was: Mode, now: Mode, tmp_path: Path) -> None:
    """BR-3: orders that work at a venue are not taken up on paper, nor the other way round."""
    options = RunOptions(mode=now, data_dir=tmp_path, recover=True)
    with pytest.raises(SafetyRefusedError, match=f"say --mode {was}"):
        cut_off_run(cut_off(was), options)


def test_a_run_is_gone_on_with_in_its_own_mode_when_somebody_says_so(tmp_path: Path) -> None:
    """ST-2: only by --recover."""
    record = cut_off(Mode.LIVE)
    options = RunOptions(mode=Mode.LIVE, data_dir=tmp_path)
    with pytest.raises(SafetyRefusedError, match="--recover"):
        cut_off_run(record, options)
    assert cut_off_run(record, options.restarted()) is not None
