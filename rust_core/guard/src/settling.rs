//! What a wallet at Polymarket holds: shares on the chain, and what has matched and is not there yet.
//!
//! The list of shares follows the chain, seconds behind a match. A trader that died in between holds something of which
//! that list says nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Statuses of a trade whose shares are where the list of shares has them. Any other, also one that is new to us, has
/// matched and may still move something.
const SETTLED: [&str; 3] = ["MINED", "CONFIRMED", "FAILED"];
const PREFIX: &str = "TRADE_STATUS_";
const TAKER: &str = "TAKER";
const SELL: &str = "SELL";
/// Smallest amount on the chain; what sums up to less is nothing.
const UNIT: f64 = 1e-6;

/// A row of the list of shares.
#[derive(Debug, Deserialize)]
pub struct Shares {
    asset: String,
    size: f64,
}

/// A row of the list of trades.
#[derive(Debug, Deserialize)]
pub struct Trade {
    status: String,
    trader_side: String,
    asset_id: String,
    side: String,
    size: String,
    #[serde(default)]
    maker_orders: Vec<Part>,
}

/// What of a trade one resting order filled.
#[derive(Debug, Deserialize)]
struct Part {
    maker_address: String,
    asset_id: String,
    matched_amount: String,
    #[serde(default)]
    side: String,
}

impl Trade {
    fn is_settled(&self) -> bool {
        SETTLED.contains(&self.status.trim_start_matches(PREFIX))
    }

    /// Outcome, side and amount of what is the wallet's in it.
    fn ours<'a>(&'a self, wallet: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        let is_taker = self.trader_side == TAKER;
        let taken = is_taker.then_some((&*self.asset_id, &*self.side, &*self.size));
        let made = self
            .maker_orders
            .iter()
            .filter(move |part| !is_taker && part.maker_address.eq_ignore_ascii_case(wallet))
            .map(|part| (&*part.asset_id, &*part.side, &*part.matched_amount));
        taken.into_iter().chain(made)
    }
}

/// How many outcomes the wallet holds once what has matched is settled. An amount that cannot be read counts as held.
pub fn standing(shares: &[Shares], trades: &[Trade], wallet: &str) -> usize {
    let mut held: BTreeMap<&str, f64> = BTreeMap::new();
    for row in shares {
        *held.entry(&row.asset).or_default() += row.size;
    }
    for trade in trades.iter().filter(|trade| !trade.is_settled()) {
        for (asset, side, amount) in trade.ours(wallet) {
            let amount: f64 = amount.parse().unwrap_or(f64::INFINITY);
            *held.entry(asset).or_default() += if side == SELL { -amount } else { amount };
        }
    }
    let is_nothing = |size: &f64| size.abs() < UNIT;
    held.values().filter(|size| !is_nothing(size)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    const WALLET: &str = "0xAb";

    fn trade(status: &str, side: &str, amount: &str) -> Trade {
        let text = json!({"status": status, "trader_side": "TAKER", "asset_id": "7", "side": side, "size": amount});
        from_value(text).unwrap()
    }

    fn shares(size: f64) -> Vec<Shares> {
        from_value(json!([{"asset": "7", "size": size, "title": "?"}])).unwrap()
    }

    #[test]
    fn what_has_matched_and_is_not_on_the_chain_is_held() {
        for (status, count) in [
            ("MATCHED", 1),
            ("TRADE_STATUS_MATCHED", 1),
            ("RETRYING", 1),
            ("NEW_TO_US", 1),
            ("MINED", 0),
            ("TRADE_STATUS_CONFIRMED", 0),
            ("FAILED", 0),
        ] {
            let found = standing(&[], &[trade(status, "BUY", "20")], WALLET);
            assert_eq!(found, count, "{status}");
        }
    }

    #[test]
    fn what_is_sold_and_not_settled_is_held_no_more_but_for_its_rest() {
        let all_of_it = trade("MATCHED", "SELL", "20");
        assert_eq!(standing(&shares(20.0), &[all_of_it], WALLET), 0);
        let most_of_it = trade("MATCHED", "SELL", "19.99");
        assert_eq!(standing(&shares(20.0), &[most_of_it], WALLET), 1);
        let unreadable = trade("MATCHED", "SELL", "?");
        assert_eq!(standing(&shares(20.0), &[unreadable], WALLET), 1);
        assert_eq!(standing(&shares(0.0), &[], WALLET), 0);
    }

    #[test]
    fn of_a_trade_that_others_took_only_our_part_counts() {
        let part = |address: &str, asset: &str| json!({"maker_address": address, "asset_id": asset, "matched_amount": "5", "side": "BUY"});
        let text = json!({
            "status": "MATCHED", "trader_side": "MAKER", "asset_id": "7", "side": "BUY", "size": "10",
            "maker_orders": [part("0xab", "8"), part("0xcd", "9")],
        });
        let made: Trade = from_value(text).unwrap();
        assert_eq!(standing(&[], &[made], WALLET), 1);
    }
}
