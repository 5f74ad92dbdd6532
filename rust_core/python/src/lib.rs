//! Python bindings of `holdfast_core`: conversions only.

mod account;
mod market;
mod risk;
mod signer;

use pyo3::prelude::*;

/// The compiled part of `rust_core`.
#[pymodule]
mod _native {
    use pyo3::prelude::*;

    use super::market::rule::no_trade_reasons;

    #[pymodule_export]
    use super::account::{
        order_correct, order_step, realised_1e8, AccountCore, AccountView,
        BrokerConfirmationRequiredError, Cancel, Decision, DriftView, Event, ExitPlan,
        InvalidTransitionError, Judgement, Leg, Lookup, Message, Notify, OrderTableError,
        OrderView, PositionView, ProtectionView, Signal, StaleDecisionError, StrategySeen,
        StrategySession, Submit, TerminalStateError, Timer,
    };
    #[pymodule_export]
    use super::market::indicators::{
        atr_array, ema_array, rolling_array, session_vwap_array, Atr, Ema, IndicatorSet, Rolling,
        SessionVwap,
    };
    #[pymodule_export]
    use super::market::report::VenueReport;
    #[pymodule_export]
    use super::market::rule::{PyRuleContext, RuleEnter, RuleExit, VwapReversion};
    #[pymodule_export]
    use super::market::venue::{PaperVenueBook, VenueExecution, VenueOrder};
    #[pymodule_export]
    use super::market::walk::{walk, walk_many, WalkOutcome, WalkTape};
    #[pymodule_export]
    use super::risk::{ReleaseGate, ReleaseRefusedError, Submission, VerdictSpentError};
    #[pymodule_export]
    use super::signer::{OrderSigner, SignedOrder};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::account::add_constants(module)?;
        module.add("NO_TRADE_REASONS", no_trade_reasons(module.py())?)
    }
}
