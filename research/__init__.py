"""Back-tests, sweeps and simulation over the same cores."""
