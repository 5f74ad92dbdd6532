//! Verdicts and what may leave: single use, bound to the bytes that are journaled.
//!
//! A verdict has no public constructor and is not `Clone`: only [`super::check`] makes one.
//!
//! ```compile_fail
//! use holdfast_core::gate::{Figures, Verdict};
//! let forged = Verdict { request: todo!(), figures: Figures::default() };
//! ```
//!
//! It is used up by binding, so it cannot stand for a second order.
//!
//! ```compile_fail
//! fn twice(verdict: holdfast_core::gate::Verdict) {
//!     let first = verdict.bind(Arc::from([]));
//!     let second = verdict.bind(Arc::from([]));
//! }
//! ```
//!
//! A submission comes from a verdict, or from the journal inside this crate, and from nowhere else.
//!
//! ```compile_fail
//! let forged = holdfast_core::gate::Submission::from_journal(Vec::new().into());
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::draft::OrderDraft;
use super::release::{Attempt, Refusal, ReleaseGate};
use super::ruling::Figures;
use crate::event::OrderIntended;
use crate::json;
use crate::message::{Name, OrderType, Purpose, Side, TimeInForce};

/// What the venue is asked for. An intent's JSON holds these fields by these names, beside its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Derived id (EX-4).
    pub client_order_id: Name,
    /// Name of the strategy.
    pub strategy: Name,
    /// Symbol.
    pub instrument: Name,
    /// Entry, exit or protective stop.
    pub purpose: Purpose,
    /// Direction.
    pub side: Side,
    /// Order type.
    pub order_type: OrderType,
    /// Time in force.
    pub tif: TimeInForce,
    /// Quantity.
    pub qty_1e8: i64,
    /// Limit price, where the type has one.
    #[serde(default)]
    pub limit_1e8: Option<i64>,
    /// Trigger price, where the type has one.
    #[serde(default)]
    pub trigger_1e8: Option<i64>,
    /// Whether it may enlarge a position.
    pub adds_risk: bool,
    /// After this instant an entry is not released.
    pub deadline_ns: i64,
}

impl From<&OrderDraft<'_>> for OrderRequest {
    fn from(draft: &OrderDraft<'_>) -> Self {
        Self {
            client_order_id: Name::clone(draft.client_order_id),
            strategy: Name::clone(draft.strategy),
            instrument: Name::clone(draft.instrument),
            purpose: draft.purpose,
            side: draft.side,
            order_type: draft.order_type,
            tif: draft.tif,
            qty_1e8: draft.qty_1e8,
            limit_1e8: draft.limit_1e8,
            trigger_1e8: draft.trigger_1e8,
            adds_risk: draft.adds_risk(),
            deadline_ns: draft.deadline_ns,
        }
    }
}

/// The gate's approval of one order.
#[derive(Debug)]
#[must_use = "an approval that is not bound to an intent does nothing"]
pub struct Verdict {
    request: OrderRequest,
    figures: Figures,
}

/// The bytes are not the intent of the approved order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindError {
    /// They are no JSON object with the fields of [`OrderRequest`].
    Unreadable(String),
    /// They describe another order.
    Differs {
        /// Id that was approved.
        approved: Name,
        /// Id in the bytes; the same id means that another field differs.
        found: Name,
    },
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "the intent's bytes are unreadable: {why}"),
            Self::Differs { approved, found } if approved == found => {
                write!(f, "the intent's bytes change the approved order {approved}")
            }
            Self::Differs { approved, found } => {
                write!(
                    f,
                    "order {approved} was approved, the intent's bytes hold {found}"
                )
            }
        }
    }
}

impl std::error::Error for BindError {}

impl Verdict {
    pub(super) fn new(draft: &OrderDraft<'_>, figures: Figures) -> Self {
        Self {
            request: OrderRequest::from(draft),
            figures,
        }
    }

    /// The order that was approved; the intent's bytes are made from it.
    pub fn request(&self) -> &OrderRequest {
        &self.request
    }

    /// What the order would change.
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// Ties the approval to the bytes of its intent, exactly as they are journaled, and uses it up.
    ///
    /// # Errors
    /// [`BindError`] when the bytes do not describe the approved order; the approval is lost then too.
    pub fn bind(self, intent: Arc<[u8]>) -> Result<Submission, BindError> {
        let submission = Submission::from_journal(intent)?;
        if submission.request != self.request {
            return Err(BindError::Differs {
                approved: self.request.client_order_id,
                found: submission.request.client_order_id,
            });
        }
        Ok(submission)
    }
}

impl Verdict {
    /// Like [`Verdict::bind`], for an intent that is written here: what is compared is what the bytes are made of.
    ///
    /// # Errors
    /// [`BindError`]; the approval is lost then too.
    pub(crate) fn issue(self, intent: &OrderIntended) -> Result<Submission, BindError> {
        if !is_same(&self.request, intent) {
            return Err(BindError::Differs {
                approved: self.request.client_order_id,
                found: Name::clone(&intent.client_order_id),
            });
        }
        let mut bytes = Vec::with_capacity(1024);
        json::write(intent, &mut bytes)
            .map_err(|error| BindError::Unreadable(error.to_string()))?;
        Ok(Submission {
            request: self.request,
            intent: Arc::from(bytes),
            spent: AtomicBool::new(false),
        })
    }
}

/// Every field of the request stands in the intent as it was approved.
fn is_same(request: &OrderRequest, intent: &OrderIntended) -> bool {
    let OrderRequest {
        client_order_id,
        strategy,
        instrument,
        purpose,
        side,
        order_type,
        tif,
        qty_1e8,
        limit_1e8,
        trigger_1e8,
        adds_risk,
        deadline_ns,
    } = request;
    *client_order_id == intent.client_order_id
        && *strategy == intent.strategy
        && *instrument == intent.instrument
        && *purpose == intent.purpose
        && *side == intent.side
        && *order_type == intent.order_type
        && *tif == intent.tif
        && *qty_1e8 == intent.qty_1e8
        && *limit_1e8 == intent.limit_1e8
        && *trigger_1e8 == intent.trigger_1e8
        && *adds_risk == intent.adds_risk
        && *deadline_ns == intent.deadline_ns
}

/// An approved order with its intent: what the broker gets, once.
#[derive(Debug)]
pub struct Submission {
    request: OrderRequest,
    intent: Arc<[u8]>,
    spent: AtomicBool,
}

/// Why a submission gave no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedeemError {
    /// It was redeemed before, with whatever outcome.
    Spent,
    /// The release gate says no; the order is not sent.
    Refused(Refusal),
}

impl Submission {
    /// A submission whose approval is proved by its journaled intent: for recovery (ST-2).
    ///
    /// # Errors
    /// [`BindError::Unreadable`].
    pub(crate) fn from_journal(intent: Arc<[u8]>) -> Result<Self, BindError> {
        let request: OrderRequest = serde_json::from_slice(&intent)
            .map_err(|error| BindError::Unreadable(error.to_string()))?;
        Ok(Self {
            request,
            intent,
            spent: AtomicBool::new(false),
        })
    }

    /// What the venue is asked for, read from the intent's bytes.
    pub fn request(&self) -> &OrderRequest {
        &self.request
    }

    /// The intent's bytes, as journaled.
    pub fn intent(&self) -> &Arc<[u8]> {
        &self.intent
    }

    /// Whether it was redeemed, with whatever outcome.
    pub fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Acquire)
    }

    /// The bytes for the transport, at the instant of hand-over.
    ///
    /// `fence_word` is the fence as it stands in shared memory now; without it the gate's own copy counts.
    ///
    /// # Errors
    /// [`RedeemError::Refused`] when the gate is shut for it, [`RedeemError::Spent`] on every later call: a
    /// refused order is `NOT_SENT` and must not leave after all.
    pub fn redeem(
        &self,
        gate: &ReleaseGate,
        now_ns: i64,
        fence_word: Option<u64>,
    ) -> Result<&Arc<[u8]>, RedeemError> {
        if self.spent.swap(true, Ordering::AcqRel) {
            return Err(RedeemError::Spent);
        }
        let attempt = Attempt {
            adds_risk: self.request.adds_risk,
            now_ns,
            deadline_ns: self.request.deadline_ns,
            fence_word,
        };
        gate.admits(&attempt).map_err(RedeemError::Refused)?;
        Ok(&self.intent)
    }
}
