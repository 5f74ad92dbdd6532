"""Tradier as `holdfast venue tradier` serves it."""
