"""Items that another thread makes: all of them, in their order, with what goes wrong."""

import threading

import pytest

from .project import storage

ahead = storage.ahead.ahead


def test_items_come_in_their_order():
    assert list(ahead(iter(range(100)), depth=3)) == list(range(100))
    assert list(ahead([])) == []


def test_they_are_made_by_another_thread_while_the_caller_works():
    made = threading.Event()

    def items():
        yield threading.get_ident()
        made.set()
        yield None

    found = ahead(items())
    assert next(found) != threading.get_ident()
    assert made.wait(10)  # without being asked for
    assert list(found) == [None]


def test_what_they_raise_is_raised_behind_the_items_before():
    def items():
        yield 1
        raise LookupError("lost")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(LookupError, match="lost"):
        next(found)


def test_the_thread_ends_with_the_caller():
    closed, before = threading.Event(), threading.active_count()

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    found = ahead(items())
    next(found)
    assert threading.active_count() == before + 1
    found.close()
    assert threading.active_count() == before
    assert closed.is_set()
