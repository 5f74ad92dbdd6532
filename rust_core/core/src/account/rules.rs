//! What is in force: the configuration, narrowed by the controls that are set (KC-6).

use super::state::Controls;
use crate::config::{AccountConfig, InstrumentKind};
use crate::gate::{GateRules, InstrumentRules};
use crate::message::{named_enum, Name};
use crate::money::parse;
use crate::protections::ProtectionsConfig;
use serde_json::Value;
use std::collections::BTreeMap;

named_enum! {
    /// The controls there are.
    ControlName {
        /// Largest position of an entry, in units.
        MaxPosition = "max_position",
        /// Loss of a session at which entries stop.
        MaxSessionLoss = "max_session_loss",
        /// Open positions of the account.
        MaxOpenPositions = "max_open_positions",
        /// Largest notional of one position.
        MaxNotional = "max_notional",
        /// Instruments that may be entered.
        AllowedInstruments = "allowed_instruments",
        /// Strategies that may enter.
        AllowedStrategies = "allowed_strategies",
    }
}

/// A control's value, read from its JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlValue {
    /// As configured.
    Configured,
    /// An amount at 1e-8.
    Amount(i64),
    /// A count.
    Count(u32),
    /// A list of names.
    Names(Vec<Name>),
}

impl ControlName {
    /// Reads a value; the error says what was expected.
    pub fn read(self, json: &str) -> Result<ControlValue, String> {
        let value: Value = serde_json::from_str(json).map_err(|e| format!("no JSON: {e}"))?;
        let read = match self {
            _ if value.is_null() => Some(ControlValue::Configured),
            Self::MaxPosition | Self::MaxSessionLoss | Self::MaxNotional => amount(&value),
            Self::MaxOpenPositions => value
                .as_u64()
                .and_then(|count| u32::try_from(count).ok())
                .map(ControlValue::Count),
            Self::AllowedInstruments | Self::AllowedStrategies => names(&value),
        };
        let expected = match self {
            Self::MaxPosition | Self::MaxSessionLoss | Self::MaxNotional => {
                "an amount of zero or more as decimal text, or null"
            }
            Self::MaxOpenPositions => "a whole number of zero or more, or null",
            Self::AllowedInstruments | Self::AllowedStrategies => "a list of names, or null",
        };
        read.ok_or_else(|| format!("{} must be {expected}, was {json}", self.as_str()))
    }
}

fn amount(value: &Value) -> Option<ControlValue> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    parse(&text)
        .filter(|amount_1e8| *amount_1e8 >= 0)
        .map(ControlValue::Amount)
}

fn names(value: &Value) -> Option<ControlValue> {
    let list = value.as_array()?;
    let names: Option<Vec<Name>> = list
        .iter()
        .map(|one| one.as_str().map(Name::from))
        .collect();
    names.map(ControlValue::Names)
}

/// Limits in force. A control narrows what is configured, never widens it.
#[derive(Clone, Debug)]
pub struct Rules {
    /// For instruments that may be sold short.
    short: GateRules,
    /// For the others.
    long: GateRules,
    instruments: BTreeMap<Name, (InstrumentRules, InstrumentKind)>,
    /// Units of one position; `None` for no limit by count.
    pub position_qty_max_1e8: Option<i64>,
    /// Protections.
    pub protections: ProtectionsConfig,
}

impl Rules {
    pub fn new(config: &AccountConfig, controls: &Controls) -> Self {
        let mut gate = config.gate_rules();
        let mut protections = config.protections.clone();
        let configured = config.limits.position_qty_max_1e8;
        let mut position_qty_max_1e8 = (configured > 0).then_some(configured);
        for name in ControlName::ALL {
            let Some(json) = controls.values.get(name.as_str()) else {
                continue;
            };
            match (name, name.read(json)) {
                (ControlName::MaxPosition, Ok(ControlValue::Amount(most_1e8))) => {
                    let was = position_qty_max_1e8.unwrap_or(i64::MAX);
                    position_qty_max_1e8 = Some(most_1e8.min(was));
                }
                (ControlName::MaxSessionLoss, Ok(ControlValue::Amount(most_1e8))) => {
                    let was = if protections.daily_loss.enabled {
                        protections.daily_loss.limit_1e8
                    } else {
                        i64::MAX
                    };
                    protections.daily_loss.enabled = true;
                    protections.daily_loss.limit_1e8 = most_1e8.min(was);
                }
                (ControlName::MaxOpenPositions, Ok(ControlValue::Count(most))) => {
                    gate.max_open_positions = gate.max_open_positions.min(most);
                }
                (ControlName::MaxNotional, Ok(ControlValue::Amount(most_1e8))) => {
                    let was = gate.max_position_notional_1e8;
                    gate.max_position_notional_1e8 = was.min(most_1e8);
                }
                (ControlName::AllowedInstruments, Ok(ControlValue::Names(only))) => {
                    gate.allowed_instruments = Some(both(gate.allowed_instruments, only));
                }
                (ControlName::AllowedStrategies, Ok(ControlValue::Names(only))) => {
                    gate.allowed_strategies = Some(both(gate.allowed_strategies, only));
                }
                // Null is as configured; anything else was refused when it came.
                _ => {}
            }
        }
        Self {
            short: GateRules {
                allow_short: true,
                ..gate.clone()
            },
            long: gate,
            instruments: config
                .instruments
                .iter()
                .map(|one| (one.symbol.clone(), (one.rules(), one.kind)))
                .collect(),
            position_qty_max_1e8,
            protections,
        }
    }

    /// The gate's limits for an instrument; futures may always be sold short.
    pub fn gate(&self, instrument: &str) -> &GateRules {
        match self.instruments.get(instrument) {
            Some((_, InstrumentKind::Future)) => &self.short,
            _ => &self.long,
        }
    }

    /// The gate's facts of an instrument.
    pub fn instrument(&self, instrument: &str) -> Option<&InstrumentRules> {
        self.instruments.get(instrument).map(|(rules, _)| rules)
    }
}

fn both(configured: Option<Vec<Name>>, only: Vec<Name>) -> Vec<Name> {
    match configured {
        None => only,
        Some(list) => only
            .into_iter()
            .filter(|name| list.contains(name))
            .collect(),
    }
}
