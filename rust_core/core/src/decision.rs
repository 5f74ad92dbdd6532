//! What a decision is made of: events, effects and timers.
