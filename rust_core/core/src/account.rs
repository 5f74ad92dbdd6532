//! The account core: one message in, one decision out.
