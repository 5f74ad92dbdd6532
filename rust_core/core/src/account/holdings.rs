//! What the venue holds against what our positions say (ST-3): small differences are taken over, large ones stop.

use super::reconcile::Compared;
use super::work::Work;
use crate::event::Event;
use crate::message::Name;
use crate::money::div;
use crate::positions::{Phase, Position};
use crate::statement::{Drift, DriftKind, ForeignPosition, Judgement, StatedPosition, Statement};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One instrument as both sides hold it.
pub(super) struct Held<'a> {
    pub(super) name: &'a Name,
    /// What our books hold.
    pub(super) local_1e8: i64,
    venue: Option<&'a StatedPosition>,
    /// What others held of it when it was last compared.
    foreign: Option<&'a ForeignPosition>,
    /// Its executions have to be asked for before it can be compared.
    pub(super) waits: bool,
}

impl Held<'_> {
    pub(super) fn venue_1e8(&self) -> i64 {
        self.venue.map_or(0, |one| one.qty_1e8)
    }

    fn foreign_1e8(&self) -> i64 {
        self.foreign.map_or(0, |one| one.qty_1e8)
    }

    /// What the venue holds beside what is others'.
    pub(super) fn net_1e8(&self) -> i64 {
        self.venue_1e8().saturating_sub(self.foreign_1e8())
    }

    /// What is not ours is what others held before.
    fn is_theirs(&self) -> bool {
        self.foreign_1e8() != 0 && self.net_1e8() == self.local_1e8
    }

    /// Both sides agree, with others or without.
    pub(super) fn is_equal(&self) -> bool {
        self.venue_1e8() == self.local_1e8 || self.is_theirs()
    }
}

/// A difference in one instrument.
struct Gap {
    instrument: Name,
    local_1e8: i64,
    venue_1e8: i64,
}

impl Gap {
    fn is_missing(&self) -> bool {
        self.venue_1e8 == 0
    }

    fn ratio_1e8(&self) -> Option<i64> {
        let apart_1e8 = self.venue_1e8.checked_sub(self.local_1e8)?.checked_abs()?;
        div(apart_1e8, self.local_1e8.checked_abs()?)
    }
}

impl Work<'_> {
    pub(super) fn positions_stated(
        &mut self,
        stated: &[StatedPosition],
        said: &Statement,
        compared: &mut Compared,
    ) {
        let listed = self.listed(said);
        let mut local: BTreeMap<Name, i64> = BTreeMap::new();
        for position in self.draft.open_positions() {
            let sum = local.entry(position.instrument.clone()).or_default();
            *sum = sum.saturating_add(position.qty_1e8);
        }
        let known = std::mem::take(&mut compared.next.foreign_positions);
        let mut names: Vec<Name> = local.keys().cloned().collect();
        names.extend(stated.iter().map(|one| one.instrument.clone()));
        names.extend(known.iter().map(|one| one.instrument.clone()));
        names.sort();
        names.dedup();
        let mut gaps = Vec::new();
        for name in names {
            if !said.tells_of(&name) {
                not_told(local.get(&name), &mut compared.judgement);
                compared
                    .next
                    .foreign_positions
                    .extend(known.iter().find(|one| one.instrument == name).cloned());
                continue;
            }
            let mut held = Held {
                local_1e8: local.get(&name).copied().unwrap_or(0),
                venue: stated.iter().find(|one| one.instrument == name),
                foreign: known.iter().find(|one| one.instrument == name),
                waits: false,
                name: &name,
            };
            self.take_back(&mut held, &listed, compared);
            let kept = self.position_stated(&held, &mut gaps, compared);
            let theirs_1e8 = kept.as_ref().map_or(0, |one| one.qty_1e8);
            if held.venue_1e8() != theirs_1e8 {
                compared.judgement.kill_positions += 1;
                compared.judgement.is_kill_overtaken |=
                    self.has_moved(&name, compared.asked_version);
            }
            compared.next.foreign_positions.extend(kept);
        }
        if self.is_kill_leaving() {
            compared.judgement.kill_positions = 0;
        }
        self.judge(&gaps, compared);
    }

    /// Compares one instrument; gives what others hold of it.
    fn position_stated(
        &self,
        held: &Held<'_>,
        gaps: &mut Vec<Gap>,
        compared: &mut Compared,
    ) -> Option<ForeignPosition> {
        let (name, local_1e8, venue_1e8) = (held.name, held.local_1e8, held.venue_1e8());
        if venue_1e8 == local_1e8 {
            return None; // the simplest explanation: nobody else holds any
        }
        if held.is_theirs() {
            return held.foreign.cloned();
        }
        let suspect = (name.clone(), local_1e8, venue_1e8);
        let is_confirmed = self.core.suspects.contains(&suspect);
        // A list that our books have overtaken confirms nothing that a later one shows.
        if !self.has_moved(name, compared.asked_version) {
            compared.judgement.suspects.push(suspect);
        }
        let may_be_behind = self.is_moving(name, compared.asked_version)
            || self.was_held_lately(name, local_1e8, held.net_1e8());
        if held.waits || may_be_behind || !is_confirmed {
            compared.judgement.is_conclusive = false;
            return held.foreign.cloned();
        }
        if local_1e8 == 0 {
            return Some(ForeignPosition {
                instrument: name.clone(),
                qty_1e8: venue_1e8,
                price_1e8: held.venue.map_or(0, |one| one.price_1e8),
            });
        }
        gaps.push(Gap {
            instrument: name.clone(),
            local_1e8,
            venue_1e8: held.net_1e8(),
        });
        held.foreign.cloned()
    }

    /// Small differences are taken over on the venue's word; large ones stop entries until an operator decides.
    fn judge(&mut self, gaps: &[Gap], compared: &mut Compared) {
        for one in &compared.next.foreign_positions {
            compared.judgement.drift.push(Drift {
                kind: DriftKind::ForeignPosition,
                instrument: one.instrument.clone(),
                subject: Name::from(""),
                local_1e8: 0,
                venue_1e8: one.qty_1e8,
                drift_ratio_1e8: None,
                is_adopted: false,
                text: Name::from("held at the venue, bought by nobody here"),
            });
        }
        let config = &self.core.config.reconcile;
        let missing = gaps.iter().filter(|gap| gap.is_missing()).count();
        let is_large = |gap: &Gap| {
            !gap.is_missing()
                && gap
                    .ratio_1e8()
                    .is_none_or(|ratio| ratio > config.drift_max_ratio_1e8)
        };
        let too_many = i64::try_from(missing).unwrap_or(i64::MAX) > config.missing_max;
        let is_stopped = !compared.is_forced && (too_many || gaps.iter().any(is_large));
        for gap in gaps {
            if !is_stopped {
                self.adopt(gap);
            }
            let kind = if gap.is_missing() {
                DriftKind::PositionMissing
            } else {
                DriftKind::PositionQty
            };
            let text = format!(
                "ours is {}, the venue's {} at 1e-8",
                gap.local_1e8, gap.venue_1e8
            );
            compared.judgement.drift.push(Drift {
                kind,
                instrument: gap.instrument.clone(),
                subject: Name::from(""),
                local_1e8: gap.local_1e8,
                venue_1e8: gap.venue_1e8,
                drift_ratio_1e8: gap.ratio_1e8(),
                is_adopted: !is_stopped,
                text: Name::from(text),
            });
        }
    }

    /// Takes the venue's quantity over, without a fill: the largest position gives or gets it.
    fn adopt(&mut self, gap: &Gap) {
        let mut held: Vec<Arc<Position>> = self
            .draft
            .open_positions()
            .into_iter()
            .filter(|position| position.instrument == gap.instrument)
            .collect();
        held.sort_by_key(|position| std::cmp::Reverse(position.qty_1e8.unsigned_abs()));
        if gap.is_missing() {
            for position in held {
                self.adjust(&position, position.qty_1e8.saturating_neg());
            }
        } else if let Some(largest) = held.first() {
            self.adjust(largest, gap.venue_1e8.saturating_sub(gap.local_1e8));
        }
    }

    fn adjust(&mut self, position: &Position, by_1e8: i64) {
        let mut next = position.clone();
        next.adopted_1e8 = next.adopted_1e8.saturating_add(by_1e8);
        next.qty_1e8 = next.qty_1e8.saturating_add(by_1e8);
        next.cause = Name::from("reconciled");
        if next.is_flat() {
            next.phase = Phase::Closed;
            self.close(next);
        } else {
            self.emit(Event::PositionChanged(Box::new(next)));
        }
    }
}

/// What we hold of it could not be compared, and has to be before a kill may call it gone.
fn not_told(local_1e8: Option<&i64>, judgement: &mut Judgement) {
    if local_1e8.is_some_and(|qty_1e8| *qty_1e8 != 0) {
        judgement.is_conclusive = false;
        judgement.kill_positions += 1;
    }
}
