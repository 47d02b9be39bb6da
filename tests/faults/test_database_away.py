# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The database server is stopped and started again while callers go on calling."""

import threading
import time

import pytest
import requests
from support.book import LATER, LINK, RESOLVE, UPDATE, Book, at_once, new_ids

CALLERS = 8
ITEMS = 20
AWAY = 4  # seconds
BACK = 20  # seconds after which everything has to work again

#: What servers say about a database that is not there, each time with the reason.
EXPECTED_LOG = (
    # ours, for a request that was answered with 503
    r"g2p_spar_mapper\.faults: API request put off: \w+\s*$",
    r"steady_server: No process is replaced while the database is away: \w+\s*$",
    r"g2p_spar_mapper\.reads: \d+ look-ups wait for the database",
    # the same request as Odoo sees it: it cannot even ask which addons there are
    r"odoo\.http: Database or registry unusable, trying without",
    r"odoo\.sql_db: Connection to the database failed",
    # statements that were under way
    r"odoo\.sql_db: SPAR query: (Operational|Interface)Error, SQLSTATE \w+ \(text not",
    r"odoo\.sql_db: bad query: [^\n]*\n"
    r"ERROR: (server closed|terminating|connection already|cursor already)",
    # scheduled actions, Odoo's own vacuum among them, and what waits for them and jobs
    r"(?s)\.ir_(cron|autovacuum): .*psycopg2\.(Operational|Interface)Error",
    r"(?s)Worker WorkerCron \(\d+\) Exception occurred, exiting.*psycopg2",
    r"jobrunner\.runner: exception: sleeping 5s and retrying",
)


def _work(book, over):
    """One caller: links and changes fresh IDs, and looks them up, until it is over."""
    session = requests.Session()
    while not over.is_set():
        ids = new_ids(ITEMS)
        for operation in (LINK, UPDATE, RESOLVE):
            message = book.write(operation, ids)
            book.insist(message, session)
            message.assert_done()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_database_away(spar, bench, carrier, mode):
    for pattern in EXPECTED_LOG:
        spar.allow_log(pattern)
    book = Book(carrier)
    over = threading.Event()
    returned = []

    def run(number):
        if number < CALLERS:
            return _work(book, over)
        try:
            time.sleep(2)
            bench.postgres.stop(mode)
            time.sleep(AWAY)
            bench.postgres.start()
            start = time.monotonic()
            _wait_until_well(carrier)
            returned.append(time.monotonic() - start)
            time.sleep(3)
        finally:
            over.set()
        return None

    at_once(CALLERS + 1, run)
    print(f"{mode}: back {returned[0]:.1f} s after the database; {book.check(spar)}")
    assert book.seen[LATER], "nobody noticed that the database was away"


def _wait_until_well(carrier):
    """Wait until answers come in a row, from every worker that there is."""
    probe = Book(carrier)
    end = time.monotonic() + BACK
    in_a_row = 0
    while in_a_row < 10:
        message = probe.write(RESOLVE, new_ids(1))
        in_a_row = in_a_row + 1 if probe.send(message) == "done" else 0
        assert time.monotonic() < end, f"no service {BACK} s after the database is back"
