"""Answers computed another way, sharing no code with the product."""
