//! One order and what is known of it.
