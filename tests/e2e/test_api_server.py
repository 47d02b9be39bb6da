# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The server that answers the API alone, beside Odoo's: the same answers, workers that
are replaced, and no look-up that is not accounted for."""

import os
import signal
import time
import uuid
from pathlib import Path

import g2p
import pytest
import requests

FA = (
    "mobile_number:+254700{number:06}.wallet_provider_name:M-PESA (Safaricom)"
    ".wallet_provider_code:MPESA-KE.fa_type:mobile_wallet_provider"
)


@pytest.fixture(params=["base_url", "api_url"])
def url(spar, request):
    """Both servers of the API."""
    return getattr(spar, request.param)


def _new_ids(count):
    return [f"token:{uuid.uuid4().hex[:12]}@nationalId" for _number in range(count)]


def _results(response, operation):
    assert response.status_code == 200, response.text
    return response.json()["message"][f"{operation}_response"]


def _accounted(spar):
    (row,) = spar.psql(
        "SELECT COALESCE(sum(id_count), 0) AS ids, count(*) AS calls FROM g2p_spar_read"
    )
    return row["calls"], row["ids"]


def _wait_for(condition, patience=10):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def _api_processes(spar):
    """Process ids: the main one first, then its workers."""
    folder = str(spar.log_path.parent).encode()
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
            status = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if b"spar_api" in command and folder in command and status[0] != "Z":
            found[int(path.name)] = int(status[1])
    (main,) = (number for number, parent in found.items() if parent not in found)
    return [main, *(number for number in found if number != main)]


def test_life_of_a_mapping(spar, url):
    ids = _new_ids(20)
    items = [{"id": id_, "fa": FA.format(number=n)} for n, id_ in enumerate(ids)]
    for operation in ("link", "update"):
        results = _results(g2p.call(url, operation, items), operation)
        assert [result["status"] for result in results] == ["succ"] * 20
        wanted = [{"id": id_, "scope": "details"} for id_ in ids]
        results = _results(g2p.call(url, "resolve", wanted), "resolve")
        assert [result["fa"] for result in results] == [item["fa"] for item in items]
        items.reverse()
        items = [{**item, "id": id_} for item, id_ in zip(items, ids, strict=True)]
    results = _results(g2p.call(url, "unlink", [{"id": id_} for id_ in ids]), "unlink")
    assert [result["status"] for result in results] == ["succ"] * 20


def test_suspended_client_is_refused_at_once(spar, url):
    call = spar.odoo_rpc("administrator", "administrator")
    (client,) = call("g2p.spar.client", "search", [["code", "=", "demo-client"]])
    (wire_id,) = _new_ids(1)
    for _time in range(2):
        call("g2p.spar.client", "write", [client], {"state": "suspended"})
        for _attempt in range(6):  # whichever worker answers
            response = g2p.call(url, "resolve", [{"id": wire_id}])
            assert response.status_code == 401, response.text
        spar.reactivate("demo-client")
        for _attempt in range(6):
            response = g2p.call(url, "resolve", [{"id": wire_id}])
            assert response.status_code == 200, response.text


def test_connection_stays_open(spar):
    with requests.Session() as session:
        for _attempt in range(3):
            response = session.get(f"{spar.api_url}/.well-known/jwks.json", timeout=10)
            assert response.status_code == 200
            assert response.headers.get("Connection") != "close"


@pytest.mark.parametrize("server", ["base_url", "api_url"])
def test_stop_loses_no_account_of_a_look_up(spar, server):
    """The last look-ups are written while the processes end."""
    time.sleep(3)  # those of other tests are written
    calls, ids = _accounted(spar)
    for _attempt in range(15):
        g2p.call(getattr(spar, server), "resolve", [{"id": i} for i in _new_ids(7)])
    spar.restart()
    assert _accounted(spar) == (calls + 15, ids + 105)


def test_killed_worker_is_replaced(spar):
    spar.allow_log("Unexpected exit from worker")
    main, *workers = _api_processes(spar)
    assert len(workers) == 2
    for _round in range(2):  # also when it happens again at once
        os.kill(_api_processes(spar)[1], signal.SIGKILL)
        _wait_for(lambda: len(_api_processes(spar)) == 3 and _serves(spar))
    assert _api_processes(spar)[0] == main
    assert set(_api_processes(spar)) != {main, *workers}


def _serves(spar):
    try:
        return all(
            g2p.call(spar.api_url, "resolve", [{"id": "x"}]).status_code == 200
            for _attempt in range(4)
        )
    except requests.ConnectionError:
        return False


def test_workers_end_with_their_main_process(spar):
    spar.allow_log("The main process is gone")
    main, *workers = _api_processes(spar)
    os.kill(main, signal.SIGKILL)
    _wait_for(lambda: not any(Path(f"/proc/{number}").exists() for number in workers))
    spar.restart()
    assert len(_api_processes(spar)) == 3
