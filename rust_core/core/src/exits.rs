//! The one exit decision (PX-2).
