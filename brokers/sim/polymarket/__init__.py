"""Polymarket, second version: signed orders, tokens in pairs, settlement afterwards."""
