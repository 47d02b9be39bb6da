# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Look-ups with a real primary and a real streaming replica, which lags and dies."""

import time
import uuid

import pytest
from e2e import g2p
from support.replica import StreamingReplica

FA = (
    "mobile_number:+254700{number:06}.wallet_provider_name:M-PESA (Safaricom)"
    ".wallet_provider_code:MPESA-KE.fa_type:mobile_wallet_provider"
)
OLD, NEW = FA.format(number=1), FA.format(number=2)
PATIENCE = 40  # seconds
EXPECTED_LOG = (
    "The replica .*: reading from the primary",
    "The replica is back",
    # Odoo's own, for what it reads there
    "Failed to open a readonly cursor, falling back to read-write cursor",
    "odoo.http: Database or registry unusable, trying without",
)


@pytest.fixture(scope="module")
def replica(spar, bench):
    """A replica that the servers know of."""
    made = StreamingReplica(bench.postgres)
    spar.instance.replica_port = made.port
    spar.restart()
    yield made
    spar.instance.replica_port = None
    spar.restart()
    made.drop()


@pytest.fixture(params=["base_url", "api_url"])
def url(spar, replica, request):
    """Both servers of the API, each of whose workers has measured the replica."""
    for pattern in EXPECTED_LOG:
        spar.allow_log(pattern)
    chosen = getattr(spar, request.param)
    for _beat in range(4):
        for _call in range(8):
            _resolve(chosen, "token:nobody@nationalId")
        time.sleep(1.1)
    return chosen


@pytest.fixture
def wire_id(url):
    """A new ID with the account OLD, known to the replica, too."""
    new = f"token:{uuid.uuid4().hex[:12]}@nationalId"
    _write(url, "link", new, OLD)
    time.sleep(1)
    return new


def _write(url, operation, wire_id, fa):
    response = g2p.call(url, operation, [{"id": wire_id, "fa": fa}])
    assert response.status_code == 200, response.text
    (result,) = response.json()["message"][f"{operation}_response"]
    assert result["status"] == "succ", result


def _resolve(url, wire_id):
    return g2p.resolve(url, wire_id).get("fa")


def _wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.5)


def _says(spar, text, since):
    return text in spar.log()[since:]


def test_replica_answers_until_it_lags_too_far(spar, replica, url, wire_id):
    since = len(spar.log())
    replica.pause()
    try:
        _write(url, "update", wire_id, NEW)
        seen = {_resolve(url, wire_id) for _call in range(10)}
        assert OLD in seen, "nobody has asked the replica"
        # older than five seconds is too old
        _wait_for(lambda: {_resolve(url, wire_id) for _call in range(8)} == {NEW})
        assert _says(spar, "The replica lags", since)
    finally:
        replica.resume()
    _wait_for(
        lambda: _resolve(url, wire_id) and _says(spar, "The replica is back", since)
    )


def test_suspension_does_not_wait_for_the_replica(spar, replica, url, wire_id):
    call = spar.odoo_rpc("administrator", "administrator")
    (client,) = call("g2p.spar.client", "search", [["code", "=", "demo-client"]])
    replica.pause()
    try:
        call("g2p.spar.client", "write", [client], {"state": "suspended"})
        for _call in range(8):
            response = g2p.call(url, "resolve", [{"id": wire_id}])
            assert response.status_code == 401, response.text
    finally:
        replica.resume()
        spar.reactivate("demo-client")


def test_replica_dies_and_returns(spar, replica, url, wire_id):
    since = len(spar.log())
    for number in range(60):
        if number == 20:
            replica.stop()
        assert _resolve(url, wire_id) == OLD
    assert _says(spar, "The replica cannot be reached", since)
    replica.start()
    _wait_for(
        lambda: _resolve(url, wire_id) and _says(spar, "The replica is back", since)
    )


@pytest.mark.parametrize("url", ["api_url"], indirect=True)
def test_replica_hangs(spar, replica, url, wire_id):
    """Its connections stand, but nothing comes through them. Odoo's own server asks the
    replica before it knows what is asked for, and waits for it."""
    since = len(spar.log())
    replica.freeze()
    try:
        for _call in range(10):
            assert _resolve(url, wire_id) == OLD
        assert _says(spar, "The replica cannot be reached", since)
    finally:
        replica.thaw()
    _wait_for(
        lambda: _resolve(url, wire_id) and _says(spar, "The replica is back", since)
    )


def test_look_ups_are_accounted_for_on_the_primary(spar, replica, url, wire_id):
    count = "SELECT count(*) AS calls FROM g2p_spar_read"
    time.sleep(3)
    (before,) = spar.psql(count)
    for _call in range(5):
        _resolve(url, wire_id)
    _wait_for(lambda: spar.psql(count)[0]["calls"] == before["calls"] + 5)
