"""Tradier: equities and options, over REST and two event streams; no idempotency of any kind."""
