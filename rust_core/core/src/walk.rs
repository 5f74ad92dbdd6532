//! The block walker: the same cores over arrays.
