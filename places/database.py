"""Sharing database connections among threads."""

from django.db import connection


def give_back() -> None:
    """Give this thread's connection back to the pool before a wait; inside a transaction it is still needed."""
    if not connection.in_atomic_block:
        connection.close()
