# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The clock of the machine that answers is wrong; that of the database is right."""

import pytest
import requests
from spar_setup import debian, places
from support.book import LINK, UNLINK, UPDATE, Book, new_ids

ITEMS = 20
STRICT = "demo-bank"  #: a client of the demo data
#: how far the clock is off; strict clients' messages seem too new, or too old
SHIFTS = ("-2h", "+3d")


@pytest.fixture(params=SHIFTS)
def shifted(request, bench, template):
    """A server with a wrong clock, on a database of its own: the instance, its address.

    What shifts it is outside of the product.
    """
    instance = bench.scratch("shifted")
    plain = instance.environment()
    instance.environment = lambda: {
        **plain,
        "LD_PRELOAD": str(debian.faketime()),
        "FAKETIME": request.param,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with places.lock(places.STATE / "lock"):
        instance.copy_from(template)
    instance.postgres.query(
        "UPDATE g2p_spar_client SET credentialless = true, networks = '127.0.0.0/8'"
        f" WHERE code = '{STRICT}' AND profile = 'strict'",
        instance.database,
    )
    port = places.free_port()
    try:
        instance.start(port, workers=2)
        yield instance, f"http://127.0.0.1:{port}"
    finally:
        instance.stop()
        instance.drop()


def test_shifted_clock(shifted):
    instance, url = shifted
    book = Book(url)
    ids = new_ids(ITEMS)
    for operation in (LINK, UPDATE, UNLINK, LINK):
        message = book.write(operation, ids)
        book.insist(message)
        message.assert_done()
    ((events, wrong, backwards),) = instance.postgres.query(
        "SELECT count(*), count(*) FILTER (WHERE abs(EXTRACT(EPOCH FROM"
        "   now() AT TIME ZONE 'UTC' - e.at)) > 120),"
        " count(*) FILTER (WHERE m.closed_at < m.opened_at)"
        " FROM g2p_spar_mapping_event e JOIN g2p_spar_mapping m ON m.id = e.mapping_id"
        " WHERE e.channel = 'api'",
        instance.database,
    )
    assert (int(events), int(wrong), int(backwards)) == (4 * ITEMS, 0, 0)
    # the time that a strict client writes is compared with ours, and it is told so
    message = book.write(LINK, new_ids(1), sender_id=STRICT)
    response = requests.post(
        f"{url}/mapper/sync/link",
        data=message.body,
        headers={"Content-Type": "application/json"},
        timeout=60,
    )
    header = response.json()["header"]
    assert header["status"] == "rjct"
    assert header["status_reason_code"] == "rjct.message_ts.invalid"
    print(f"{events} changes with the time of the database; {header}")
