# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Callers that go away in the middle, or come in drop by drop."""

import contextlib
import socket
import struct
import time
from urllib.parse import urlsplit

import pytest
from support.book import DONE, LINK, UNLINK, UPDATE, Book, at_once, new_ids

ROUNDS = 25
ITEMS = 50
SILENT = 6  #: callers that stop in the middle, more than there are workers
SILENT_API = 3
SLOW = 1  #: callers that send drop by drop
DROP_EVERY = 0.5  # seconds
PATIENCE = 15  # seconds until others must have their answer


def _connect(url):
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _break(connection):
    """Close it so that the other side gets a reset and not an end."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()


def _head(book, message):
    return (
        f"POST /mapper/sync/{message.operation} HTTP/1.1\r\n"
        f"Host: {urlsplit(book.base_url).netloc}\r\n"
        f"Content-Type: application/json\r\n"
        f"Content-Length: {len(message.body)}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999], ids=["head", "half", "most"])
def test_cut_in_the_body(spar, carrier, share):
    """Nothing of a message is done when the rest of it never comes."""
    book = Book(carrier)
    for number in range(ROUNDS):
        message = book.write(LINK, new_ids(ITEMS))
        connection = _connect(carrier)
        connection.sendall(_head(book, message))
        connection.sendall(message.body[: int(len(message.body) * share)])
        _break(connection) if number % 2 else connection.close()
    assert "0 in the ledger" in book.check(spar)
    # the same messages, whole
    for message in book.messages:
        book.insist(message)
        message.assert_done()
    print(book.check(spar))


def test_cut_before_the_answer(spar, carrier):
    """The message is done as a whole or not at all; asked again, it has its answer."""
    book = Book(carrier)

    def run(number):
        for _round in range(ROUNDS // 5):
            ids = new_ids(ITEMS)
            for operation in (LINK, UPDATE, UNLINK):
                message = book.write(operation, ids)
                connection = _connect(carrier)
                connection.sendall(_head(book, message) + message.body)
                time.sleep(0.01 * number)  # some go at once, some almost stay
                _break(connection)
                book.insist(message)
                message.assert_done()

    at_once(8, run)
    print(book.check(spar))


@contextlib.contextmanager
def _half_sent(book, count):
    """Connections with messages that have begun: (connection, what is left) each."""
    with contextlib.ExitStack() as stack:
        begun = []
        for _number in range(count):
            message = book.write(LINK, new_ids(1))
            connection = stack.enter_context(
                contextlib.closing(_connect(book.base_url))
            )
            connection.sendall(_head(book, message) + message.body[:1])
            begun.append((connection, bytearray(message.body[1:])))
        yield begun


def _ask(book):
    """Send some messages; give the seconds that it took until all were answered."""
    start = time.monotonic()
    for _round in range(10):
        message = book.write(LINK, new_ids(ITEMS))
        assert book.send(message, timeout=PATIENCE) == DONE
        message.assert_done()
    return time.monotonic() - start


def test_silence_in_the_middle(spar, carrier):
    """Callers that say nothing more do not keep others from their answers.

    Odoo hangs up after two seconds. The API server does not; there they may be as many
    as one process has threads, less one. In front of both belongs a proxy that reads a
    message to its end before it hands it on.
    """
    book = Book(carrier)
    count = SILENT if carrier == spar.base_url else SILENT_API
    with _half_sent(book, count):
        seconds = _ask(book)
    print(f"10 answers in {seconds:.1f} s beside {count} silent callers")
    print(f"and 10 in {_ask(book):.1f} s when those are gone; {book.check(spar)}")


def test_drop_by_drop(spar, carrier):
    """A slow sender does not keep others from their answers."""
    book = Book(carrier)
    count = SLOW
    over = []

    def drip(begun):
        while not over:
            for connection, rest in begun:
                with contextlib.suppress(OSError):  # the server has had enough of it
                    connection.sendall(rest[:1])
                    del rest[:1]
            time.sleep(DROP_EVERY)

    def ask():
        try:
            return _ask(book)
        finally:
            over.append(True)

    with _half_sent(book, count) as begun:
        _none, seconds = at_once(2, lambda number: ask() if number else drip(begun))
    print(f"10 answers in {seconds:.1f} s beside {count} slow senders")
    print(book.check(spar))
