//! Cash, profit and loss, and the trades closed so far.

use crate::message::Name;
use crate::orders::is_zero;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Money of the account, as our own fills say. Net is gross less fees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Cash movement since the start: sold less bought less fees, multiplier included.
    pub cash_1e8: i64,
    /// Realised since the start, without fees.
    pub gross_1e8: i64,
    /// Fees since the start.
    pub fees_1e8: i64,
    /// Realised in this session, without fees.
    pub session_gross_1e8: i64,
    /// Fees in this session.
    pub session_fees_1e8: i64,
    /// Realised in this week, without fees.
    pub week_gross_1e8: i64,
    /// Fees in this week.
    pub week_fees_1e8: i64,
    /// Cash that no trade explains: the cost of what reconciliation took over without a fill (ST-3).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub written_off_1e8: i64,
}

impl Ledger {
    /// Net of this session, realised.
    pub const fn session_net_1e8(&self) -> i64 {
        self.session_gross_1e8 - self.session_fees_1e8
    }

    /// Net of this week, realised.
    pub const fn week_net_1e8(&self) -> i64 {
        self.week_gross_1e8 - self.week_fees_1e8
    }

    /// Net since the start, realised.
    pub const fn net_1e8(&self) -> i64 {
        self.gross_1e8 - self.fees_1e8
    }

    /// After realising `gross`, paying `fee` and moving `cash` (fee not included); `None` on overflow.
    pub fn after(&self, gross_1e8: i64, fee_1e8: i64, cash_1e8: i64) -> Option<Self> {
        Some(Self {
            cash_1e8: self.cash_1e8.checked_add(cash_1e8)?.checked_sub(fee_1e8)?,
            gross_1e8: self.gross_1e8.checked_add(gross_1e8)?,
            fees_1e8: self.fees_1e8.checked_add(fee_1e8)?,
            session_gross_1e8: self.session_gross_1e8.checked_add(gross_1e8)?,
            session_fees_1e8: self.session_fees_1e8.checked_add(fee_1e8)?,
            week_gross_1e8: self.week_gross_1e8.checked_add(gross_1e8)?,
            week_fees_1e8: self.week_fees_1e8.checked_add(fee_1e8)?,
            written_off_1e8: self.written_off_1e8,
        })
    }
}

/// One strategy's session, its sub-ledger (PF-8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategySession {
    /// Entry orders intended.
    pub entries: i64,
    /// Positions opened.
    pub opened: i64,
    /// Trades closed.
    pub trades: i64,
    /// Trades closed above zero, net.
    pub wins: i64,
    /// Trades closed by their stop.
    pub stop_outs: i64,
    /// Realised by fills in this session, without fees.
    pub gross_1e8: i64,
    /// Fees of fills in this session.
    pub fees_1e8: i64,
}

impl StrategySession {
    /// Net, realised.
    pub const fn net_1e8(&self) -> i64 {
        self.gross_1e8 - self.fees_1e8
    }
}

/// The session that is open, or the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// yyyymmdd; zero before the first.
    pub session_date: i64,
    /// First instant.
    pub open_ns: i64,
    /// Last instant.
    pub close_ns: i64,
    /// Between its opening and its closing.
    pub is_open: bool,
    /// Number of its week (Monday to Sunday) since 1970.
    pub week: i64,
    /// Account value when it opened.
    pub start_equity_1e8: i64,
    /// By strategy.
    pub strategies: BTreeMap<Name, StrategySession>,
    /// Times of the newest entry orders, by instrument, oldest first.
    pub entry_times: BTreeMap<Name, Vec<i64>>,
}
