//! The facts of an account's journal, as they are stored.
