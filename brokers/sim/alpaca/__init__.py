"""Alpaca's wire: its statuses, ids, limits, errors, authentication and quirks."""
