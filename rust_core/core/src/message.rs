//! What an account core is told.
