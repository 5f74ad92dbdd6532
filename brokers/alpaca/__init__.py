"""Alpaca: equities and options, by its own REST calls, order stream and market data stream."""
