//! Protections: small policies that stop trading for a while (RK-6).
