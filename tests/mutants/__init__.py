"""Deliberate faults of the core, one small patch each: every driver must feel them."""
