"""Strategies of the crash rounds, each a file as a user would write it."""
