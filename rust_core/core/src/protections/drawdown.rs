//! Drawdown of the closed trades in a sliding window (RK-6), in bounded memory.

use serde::{Deserialize, Serialize};

use crate::money::ONE_1E8;

/// Above this many, neighbours are joined: sums and peaks stay exact, only the window's far edge gets coarser.
const BLOCKS_MAX: usize = 512;

/// One trade, or several neighbouring ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    /// Exit of the last trade in it; the block leaves the window with it.
    last_exit_ns: i64,
    /// Profit and loss of all of them.
    net_1e8: i64,
    /// Highest cumulative profit on the way, from 0 at its start.
    peak_1e8: i64,
}

/// The closed trades of the window, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClosedTrades {
    blocks: Vec<Block>,
}

impl ClosedTrades {
    /// Adds a trade and forgets what is older than `window_ns`.
    pub(super) fn push(&mut self, exit_ns: i64, net_1e8: i64, window_ns: i64) {
        // a late fill may close an earlier trade after a later one
        let at = self
            .blocks
            .partition_point(|block| block.last_exit_ns <= exit_ns);
        self.blocks.insert(
            at,
            Block {
                last_exit_ns: exit_ns,
                net_1e8,
                peak_1e8: net_1e8.max(0),
            },
        );
        let newest_ns = self
            .blocks
            .last()
            .map_or(exit_ns, |block| block.last_exit_ns);
        let edge_ns = newest_ns.saturating_sub(window_ns);
        let gone = self
            .blocks
            .partition_point(|block| block.last_exit_ns <= edge_ns);
        self.blocks.drain(..gone);
        if self.blocks.len() > BLOCKS_MAX {
            self.blocks = self.blocks.chunks(2).map(join).collect();
        }
    }

    /// The cumulative P&L, and its peak; `None` when 64 bits do not hold them on the way.
    fn figures(&self) -> Option<(i64, i64)> {
        let (mut current, mut peak) = (0_i64, 0_i64);
        for block in &self.blocks {
            peak = peak.max(current.checked_add(block.peak_1e8)?);
            current = current.checked_add(block.net_1e8)?;
        }
        Some((current, peak))
    }

    fn wide_figures(&self) -> (i128, i128) {
        let (mut current, mut peak) = (0_i128, 0_i128);
        for block in &self.blocks {
            peak = peak.max(current + i128::from(block.peak_1e8));
            current += i128::from(block.net_1e8);
        }
        (current, peak)
    }

    /// (peak − current) / peak of the cumulative P&L, which starts at 0; over `base` while the peak is not above
    /// `peak_min_1e8` (docs/decisions: a peak of a few dollars would trip at the first loss).
    ///
    /// No trades give 0. None when it cannot be computed: no base above zero, or figures out of range.
    pub(super) fn drawdown_ratio_1e8(
        &self,
        peak_min_1e8: i64,
        base_1e8: Option<i64>,
    ) -> Option<i64> {
        let (current, peak) = self
            .figures()
            .map_or_else(|| self.wide_figures(), |(c, p)| (c.into(), p.into()));
        if peak == current {
            return Some(0);
        }
        let base = if peak > i128::from(peak_min_1e8.max(0)) {
            peak
        } else {
            i128::from(base_1e8.filter(|base_1e8| *base_1e8 > 0)?)
        };
        i64::try_from((peak - current).checked_mul(i128::from(ONE_1E8))? / base).ok()
    }
}

fn join(pair: &[Block]) -> Block {
    pair.iter().skip(1).fold(pair[0], |first, second| Block {
        last_exit_ns: second.last_exit_ns,
        net_1e8: first.net_1e8.saturating_add(second.net_1e8),
        peak_1e8: first
            .peak_1e8
            .max(first.net_1e8.saturating_add(second.peak_1e8)),
    })
}

#[cfg(test)]
mod tests {
    use super::ClosedTrades;

    #[test]
    fn narrow_and_wide_figures_are_the_same_and_what_64_bits_cannot_hold_is_left_to_the_wide() {
        let mut trades = ClosedTrades::default();
        for (number, net_1e8) in (0_i64..2_000).map(|n| (n, (n * 7_919) % 1_013 - 500)) {
            trades.push(number, net_1e8, 1_500);
            let (current, peak) = trades.figures().unwrap();
            assert_eq!(
                (i128::from(current), i128::from(peak)),
                trades.wide_figures()
            );
        }
        trades.push(2_000, i64::MAX, 1_500);
        trades.push(2_001, i64::MAX, 1_500);
        assert_eq!(trades.figures(), None);
        assert!(trades.wide_figures().1 > i128::from(i64::MAX));
        assert_eq!(trades.drawdown_ratio_1e8(0, None), Some(0));
    }

    #[test]
    fn what_leaves_the_window_leaves_the_blocks() {
        let mut trades = ClosedTrades::default();
        for number in 0..10 {
            trades.push(number, 1, 3);
        }
        trades.push(5, 1, 3); // too late to be within
        assert_eq!(trades.figures(), Some((3, 3)));
    }
}
