//! The account core as Python sees it.
