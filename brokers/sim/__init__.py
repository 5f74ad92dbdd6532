"""Venues to test against: real sockets, a book of their own, and faults on request.

Nothing of the product imports this package, and it takes no parsing, encoding or matching from the
adapters or from rust_core: it judges by its own book.
"""
