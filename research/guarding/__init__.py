"""The guard's drill: a trader in mid-session, one fault after the other, and what became of it."""
