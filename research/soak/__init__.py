"""Long runs: a session for as long as asked, watched from outside, which fails on growth (WD-8)."""
