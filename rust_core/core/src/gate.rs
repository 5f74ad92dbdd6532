//! The pre-trade risk gate and its verdicts (RK-1).
