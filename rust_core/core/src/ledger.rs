//! Cash, profit and loss, and the trades closed so far.
