# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Worker processes are killed while they work on asynchronous messages.

The runner finds an orphaned job about a minute later and starts it again.
"""

import json
import time

import requests
import workers
from support.book import LINK, Book, new_ids

ITEMS = 4000
PATIENCE = 180  # seconds, with the runner's pause
#: the runner and its request to the process that was killed
EXPECTED_LOG = (
    r"jobrunner\.runner: Re-queued dead job",
    r"jobrunner\.runner: exception in GET",
)


def _state(spar, correlation_id):
    (row,) = spar.psql(
        "SELECT state, done_count FROM g2p_spar_transaction WHERE correlation_id = %s",
        [correlation_id],
    )
    return row["state"], row["done_count"]


def _wait_until(spar, correlation_id, state):
    end = time.monotonic() + PATIENCE
    while (found := _state(spar, correlation_id))[0] != state:
        assert time.monotonic() < end, f"{found[0]}, not {state}"
        time.sleep(0.02)


def test_killed_job(spar):
    """What was acknowledged is done in the end, and once."""
    for pattern in EXPECTED_LOG:
        spar.allow_log(pattern)
    book = Book(spar.base_url)
    message = book.write(LINK, new_ids(ITEMS))
    answer = requests.post(
        f"{spar.base_url}/mapper/async/link",
        data=message.body,
        headers={"Content-Type": "application/json"},
        timeout=60,
    )
    ack = json.loads(answer.content)["message"]
    assert ack["ack_status"] == "NACK"  # the demo client has no address for results
    _wait_until(spar, ack["correlation_id"], "pdng")
    workers.kill_one_answering(spar.instance, spar.base_url)
    assert _state(spar, ack["correlation_id"]) == ("pdng", 0)
    _wait_until(spar, ack["correlation_id"], "succ")
    assert _state(spar, ack["correlation_id"]) == ("succ", ITEMS)
    rows = spar.psql(
        "SELECT count(*) AS changes, count(DISTINCT reference) AS items"
        "  FROM g2p_spar_mapping_event WHERE transaction = %s",
        [message.transaction_id],
    )
    assert rows == [{"changes": ITEMS, "items": ITEMS}]
    # the same message again is answered from what is kept
    again = requests.post(
        f"{spar.base_url}/mapper/async/link",
        data=message.body,
        headers={"Content-Type": "application/json"},
        timeout=60,
    )
    assert again.content == answer.content
