"""The whole system, simulated."""
