# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Several callers want the same IDs at the same moment, over real HTTP, against
server processes that know nothing of each other."""

import threading
import uuid

import requests

CALLERS = 8
IDS = 20
TIME = "2026-01-31T10:00:00Z"
ADDRESS = (
    "mobile_number:+2547{caller}00000{number:02}"
    ".wallet_provider_name:M-PESA (Safaricom)"
    ".wallet_provider_code:MPESA-KE"
    ".fa_type:mobile_wallet_provider"
)


def _message(operation, items):
    return {
        "header": {
            "message_id": uuid.uuid4().hex,
            "message_ts": TIME,
            "action": operation,
            "sender_id": "demo-client",
            "total_count": len(items),
        },
        "message": {
            "transaction_id": uuid.uuid4().hex,
            f"{operation}_request": items,
        },
    }


def _call(spar, operation, items):
    message = _message(operation, items)
    url = f"{spar.base_url}/mapper/sync/{operation}"
    # so long only because a lost race is repeated after a pause that grows
    return requests.post(url, json=message, timeout=120)


def _at_once(run):
    """Let all callers go at the same moment; give what each of them got."""
    barrier = threading.Barrier(CALLERS, timeout=60)
    answers = [None] * CALLERS

    def start(caller):
        barrier.wait()
        answers[caller] = run(caller)

    threads = [threading.Thread(target=start, args=(n,)) for n in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _items(caller, ids, turn):
    """Requests of one caller; every caller begins at another ID."""
    numbers = [(number + turn) % IDS for number in range(IDS)]
    return [
        {
            "reference_id": f"r{number}",
            "timestamp": TIME,
            "id": ids[number],
            "fa": ADDRESS.format(caller=caller, number=number),
        }
        for number in numbers
    ]


def _results(response, operation):
    assert response.status_code == 200, response.text
    return response.json()["message"][f"{operation}_response"]


def _resolved(spar, ids):
    items = [
        {"reference_id": str(n), "timestamp": TIME, "id": wire_id, "scope": "details"}
        for n, wire_id in enumerate(ids)
    ]
    results = _results(_call(spar, "resolve", items), "resolve")
    assert {result["status_reason_code"] for result in results} == {"succ.id.active"}
    return {result["id"]: result["fa"] for result in results}


def _live_rows(spar, ids):
    """How many live mappings each ID with one of these endings has."""
    rows = spar.psql(
        "SELECT count(*) AS live FROM g2p_spar_mapping"
        " WHERE closed_at IS NULL AND id_last = ANY(%s) GROUP BY id_key",
        [sorted({wire_id.split("@")[0][-4:] for wire_id in ids})],
    )
    return [row["live"] for row in rows]


def _assert_not_logged(spar, ids):
    """A lost race is a failed statement, and nothing of it may reach the log."""
    log = spar.log()
    assert not [wire_id for wire_id in ids if wire_id.split("@")[0][6:] in log]


def _fresh_ids():
    return [f"token:{uuid.uuid4().hex}@nationalId" for _number in range(IDS)]


def test_link_race(spar):
    ids = _fresh_ids()
    answers = _at_once(
        lambda caller: _call(spar, "link", _items(caller, ids, turn=caller * 3))
    )
    winners = {}
    for response in answers:
        for result in _results(response, "link"):
            if result["status"] == "succ":
                assert result["id"] not in winners, "two callers were told they won"
                winners[result["id"]] = result["fa"]
            else:
                code = result["status_reason_code"]
                assert code == "rjct.reference_id.duplicate", result
    assert set(winners) == set(ids)
    assert _resolved(spar, ids) == winners
    assert set(_live_rows(spar, ids)) == {1}
    _assert_not_logged(spar, ids)


def test_race_of_copies(spar):
    """One message that comes in by many ways at once is processed once."""
    ids = _fresh_ids()
    message = _message("link", _items(1, ids, turn=0))
    servers = (spar.base_url, spar.api_url)

    def send(caller):
        url = f"{servers[caller % 2]}/mapper/sync/link"
        return requests.post(url, json=message, timeout=120)

    answers = _at_once(send)
    assert {result["status"] for result in _results(answers[0], "link")} == {"succ"}
    assert len({response.content for response in answers}) == 1
    assert set(_live_rows(spar, ids)) == {1}


def test_update_race(spar):
    """Each update that was acknowledged is in the history, and one of them lives."""
    ids = _fresh_ids()
    _results(_call(spar, "link", _items(9, ids, turn=0)), "link")
    answers = _at_once(
        lambda caller: _call(spar, "update", _items(caller, ids, turn=caller * 3))
    )
    acknowledged = {wire_id: set() for wire_id in ids}
    for response in answers:
        for result in _results(response, "update"):
            assert result["status"] == "succ", result
            acknowledged[result["id"]].add(result["fa"])
    for wire_id, address in _resolved(spar, ids).items():
        assert len(acknowledged[wire_id]) == CALLERS
        assert address in acknowledged[wire_id]
    assert set(_live_rows(spar, ids)) == {1}
    _assert_not_logged(spar, ids)
