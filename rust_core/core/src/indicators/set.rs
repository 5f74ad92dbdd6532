//! Several indicators fed by one call.

use super::{Atr, BadParameter, Ema, Rolling, SessionVwap};

/// One indicator of a set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IndicatorSpec {
    /// Average of closes; one output.
    Ema {
        /// Number of bars, at least 1.
        period: usize,
    },
    /// Wilder's average true range; one output.
    Atr {
        /// Number of bars, at least 1.
        period: usize,
    },
    /// Mean and population deviation of closes; two outputs.
    Rolling {
        /// Number of bars, at least 1.
        window: usize,
    },
    /// Session VWAP with its lower and upper band; three outputs.
    Vwap {
        /// Distance of the bands in deviations, above 0.
        band_deviations: f64,
    },
}

#[derive(Clone, Debug)]
enum Member {
    Ema(Ema),
    Atr(Atr),
    Rolling(Rolling),
    Vwap(SessionVwap, f64),
}

/// Indicators configured once and updated together: one call a bar instead of one each.
///
/// Averages, ranges and deviations run on across sessions; the VWAP begins with each session.
#[derive(Clone, Debug)]
pub struct IndicatorSet {
    members: Vec<Member>,
    names: Vec<String>,
    values: Vec<f64>,
}

impl IndicatorSet {
    /// A set in the order of `specs`.
    ///
    /// # Errors
    /// [`BadParameter`] when there is none, one repeats, or a parameter cannot be meant.
    pub fn new(specs: &[IndicatorSpec]) -> Result<Self, BadParameter> {
        if specs.is_empty() {
            return Err(BadParameter("at least 1 indicator is needed, was 0".into()));
        }
        let mut names: Vec<String> = Vec::new();
        let mut members = Vec::with_capacity(specs.len());
        for spec in specs {
            members.push(member(spec)?);
            for name in output_names(spec) {
                if names.contains(&name) {
                    return Err(BadParameter(format!("{name} is asked for twice")));
                }
                names.push(name);
            }
        }
        let values = vec![f64::NAN; names.len()];
        Ok(Self {
            members,
            names,
            values,
        })
    }

    /// What each output is called, in order: `ema_20`, `atr_14`, `mean_20`, `deviation_20`,
    /// `vwap`, `vwap_lower_2`, `vwap_upper_2`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The outputs after the latest bar, NaN where not warm.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Whether every output exists.
    pub fn is_warm(&self) -> bool {
        self.values.iter().all(|value| !value.is_nan())
    }

    /// Takes the next complete bar; gives the outputs in the order of [`Self::names`].
    #[inline]
    pub fn update(&mut self, high: f64, low: f64, close: f64, volume: f64) -> &[f64] {
        let mut at = 0;
        for member in &mut self.members {
            let out = &mut self.values[at..];
            at += match member {
                Member::Ema(ema) => {
                    out[0] = ema.update(close).unwrap_or(f64::NAN);
                    1
                }
                Member::Atr(atr) => {
                    out[0] = atr.update(high, low, close).unwrap_or(f64::NAN);
                    1
                }
                Member::Rolling(rolling) => {
                    let value = rolling.update(close);
                    out[0] = value.map_or(f64::NAN, |v| v.mean);
                    out[1] = value.map_or(f64::NAN, |v| v.deviation);
                    2
                }
                Member::Vwap(vwap, band) => {
                    let value = vwap.update(high, low, close, volume);
                    out[0] = value.map_or(f64::NAN, |v| v.vwap);
                    out[1] = value.map_or(f64::NAN, |v| v.vwap - *band * v.deviation);
                    out[2] = value.map_or(f64::NAN, |v| v.vwap + *band * v.deviation);
                    3
                }
            };
        }
        &self.values
    }

    /// A session opens: the VWAP starts over, the others run on.
    pub fn reset_session(&mut self) {
        let mut at = 0;
        for member in &mut self.members {
            at += match member {
                Member::Ema(_) | Member::Atr(_) => 1,
                Member::Rolling(_) => 2,
                Member::Vwap(vwap, _) => {
                    vwap.reset_session();
                    self.values[at..at + 3].fill(f64::NAN);
                    3
                }
            };
        }
    }
}

fn member(spec: &IndicatorSpec) -> Result<Member, BadParameter> {
    Ok(match *spec {
        IndicatorSpec::Ema { period } => Member::Ema(Ema::new(period)?),
        IndicatorSpec::Atr { period } => Member::Atr(Atr::new(period)?),
        IndicatorSpec::Rolling { window } => Member::Rolling(Rolling::new(window, 0)?),
        IndicatorSpec::Vwap { band_deviations } => {
            if !(band_deviations.is_finite() && band_deviations > 0.0) {
                return Err(BadParameter(format!(
                    "band_deviations must be above 0, was {band_deviations}"
                )));
            }
            Member::Vwap(SessionVwap::new(), band_deviations)
        }
    })
}

fn output_names(spec: &IndicatorSpec) -> Vec<String> {
    match spec {
        IndicatorSpec::Ema { period } => vec![format!("ema_{period}")],
        IndicatorSpec::Atr { period } => vec![format!("atr_{period}")],
        IndicatorSpec::Rolling { window } => {
            vec![format!("mean_{window}"), format!("deviation_{window}")]
        }
        IndicatorSpec::Vwap { band_deviations } => vec![
            "vwap".into(),
            format!("vwap_lower_{band_deviations}"),
            format!("vwap_upper_{band_deviations}"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_vwap_starts_over_with_a_session() {
        let specs = [
            IndicatorSpec::Ema { period: 1 },
            IndicatorSpec::Vwap {
                band_deviations: 2.0,
            },
        ];
        let mut set = IndicatorSet::new(&specs).unwrap();
        set.update(1.0, 1.0, 1.0, 5.0);
        assert!(set.is_warm());
        set.reset_session();
        assert!((set.values()[0] - 1.0).abs() < 1e-12);
        assert!(set.values()[1].is_nan());
        assert_eq!(set.names()[2], "vwap_lower_2");
    }

    #[test]
    fn a_set_of_nothing_or_of_the_same_twice_is_refused() {
        let ema = IndicatorSpec::Ema { period: 3 };
        assert!(IndicatorSet::new(&[]).is_err());
        assert!(IndicatorSet::new(&[ema, ema]).is_err());
    }
}
