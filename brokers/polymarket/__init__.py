"""Polymarket's CLOB (V2) as it speaks: signed orders whose hash is their id, and two channels."""
