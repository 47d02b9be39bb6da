# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Asynchronous messages against a real server, its job runner and a real receiver; and
the same message from many callers at once, against processes that share nothing but the
database."""

import json
import time
import uuid

import g2p
import pytest
import requests
from support.book import at_once, new_address, new_ids
from support.receiver import Receiver, wait_until

SENDERS = ("async-compat", "async-strict")
CALLERS = 8
ADMINISTRATOR = ("admin", "admin")
APPROVER = ("administrator", "administrator")
CALL_BACK = "<g2p.spar.transaction>._job_call_back"


@pytest.fixture(scope="module")
def receiver(spar):
    """A receiver that two clients of the server may name, and quick back-off."""
    receiver = Receiver()
    call = spar.odoo_rpc(*ADMINISTRATOR)
    approve = spar.odoo_rpc(*APPROVER)
    for name, value in (("networks", "127.0.0.0/8"), ("http", "1")):
        parameter = f"g2p_spar_mapper.callback_{name}"
        call("ir.config_parameter", "set_param", parameter, value)
    (function,) = call("queue.job.function", "search", [("name", "=", CALL_BACK)])
    call("queue.job.function", "write", [function], {"edit_retry_pattern": "{1: 1}"})
    for sender in SENDERS:
        values = {
            "name": sender,
            "code": sender,
            "organisation": "e2e",
            "purpose": "e2e",
            "state": "live",
            "profile": sender.removeprefix("async-"),
            "credentialless": True,
            "networks": "127.0.0.0/8",
            "callback_allowed": f"{receiver.url}/spar",
        }
        values |= dict.fromkeys(
            ("may_link", "may_update", "may_unlink", "may_resolve"), True
        )
        known = call("g2p.spar.client", "search", [("code", "=", sender)])
        if known:
            call("g2p.spar.client", "write", known, values)
        else:
            known = call("g2p.spar.client", "create", [values])
        (client,) = call("g2p.spar.client", "read", known, ["requested"])
        if client["requested"]:
            approve("g2p.spar.client", "action_approve", known)
    yield receiver
    receiver.stop()


def _links(ids):
    return [{"id": wire_id, "fa": new_address()} for wire_id in ids]


def _send(spar, path, message):
    body = json.dumps(message).encode()
    headers = {"Content-Type": "application/json"}
    response = requests.post(
        spar.base_url + path, data=body, headers=headers, timeout=120
    )
    assert response.status_code == 200, response.text
    return response.content


def _row(spar, correlation_id):
    (row,) = spar.psql(
        "SELECT * FROM g2p_spar_transaction WHERE correlation_id = %s",
        [correlation_id],
    )
    return row


def _changes(spar, message):
    """How often each reference of a message is in the ledger."""
    rows = spar.psql(
        "SELECT count(*) AS times FROM g2p_spar_mapping_event"
        " WHERE transaction = %s GROUP BY reference",
        [message["message"]["transaction_id"]],
    )
    return [row["times"] for row in rows]


@pytest.mark.parametrize("root", ["/mapper", "/mapper/async", "/async"])
@pytest.mark.parametrize("sender", SENDERS)
def test_result_is_called_back(spar, receiver, sender, root):
    uri = f"{receiver.url}/spar/results"
    items = _links(new_ids(50))
    message = g2p.message("link", items, sender, sender_uri=uri)
    ack = json.loads(_send(spar, f"{root}/link", message))["message"]
    assert ack["ack_status"] == "ACK"
    path, body = receiver.wait_for(ack["correlation_id"])
    assert path == "/spar/results/on-link"
    assert body["header"]["action"] == "on-link"
    assert body["header"]["message_id"] != message["header"]["message_id"]
    results = body["message"]["link_response"]
    assert {result["status"] for result in results} == {"succ"}
    assert [result["id"] for result in results] == [item["id"] for item in items]
    assert _changes(spar, message) == [1] * 50
    wait_until(
        lambda: _row(spar, ack["correlation_id"])["callback_state"] == "delivered"
    )


@pytest.mark.parametrize("mood", [500, "gone"])
def test_receiver_that_fails_for_a_while(spar, receiver, mood):
    uri = f"{receiver.url}/spar"
    message = g2p.message("link", _links(new_ids(3)), SENDERS[0], sender_uri=uri)
    receiver.mood, receiver.attempts = mood, 0
    ack = json.loads(_send(spar, "/mapper/link", message))["message"]
    try:
        wait_until(lambda: receiver.attempts >= 2)
        row = _row(spar, ack["correlation_id"])
        assert row["state"] == "succ"
        assert row["callback_state"] == "waiting"
        assert row["callback_fault"]
    finally:
        receiver.mood = 200
    receiver.wait_for(ack["correlation_id"])
    time.sleep(2)
    assert len(receiver.results(ack["correlation_id"])) == 1
    assert _changes(spar, message) == [1] * 3


@pytest.mark.parametrize("sender", SENDERS)
def test_same_message_from_many_callers(spar, receiver, sender):
    """All get the answer of the one that was processed."""
    for _round in range(5):
        message = g2p.message("link", _links(new_ids(20)), sender)
        answers = at_once(
            CALLERS,
            lambda _number, message=message: _send(spar, "/mapper/sync/link", message),
        )
        assert len(set(answers)) == 1
        answer = json.loads(answers[0])
        results = answer["message"]["link_response"]
        assert {result["status"] for result in results} == {"succ"}
        assert _changes(spar, message) == [1] * 20


@pytest.mark.parametrize("sender", SENDERS)
def test_same_asynchronous_message_from_many_callers(spar, receiver, sender):
    uri = f"{receiver.url}/spar"
    message = g2p.message("link", _links(new_ids(20)), sender, sender_uri=uri)
    acks = at_once(CALLERS, lambda _number: _send(spar, "/mapper/link", message))
    assert len(set(acks)) == 1
    ack = json.loads(acks[0])["message"]
    receiver.wait_for(ack["correlation_id"])
    assert _changes(spar, message) == [1] * 20
    row = _row(spar, ack["correlation_id"])
    jobs = spar.psql(
        "SELECT state FROM queue_job WHERE identity_key LIKE %s",
        [f"g2p.spar.transaction:{row['id']}:%"],
    )
    assert len(jobs) == 2


def test_other_message_with_the_same_id(spar, receiver):
    """Of callers that use one id for different messages, one is served."""
    message_id = str(uuid.uuid4())
    messages = [
        g2p.message("link", _links(new_ids(5)), SENDERS[1], message_id=message_id)
        for _number in range(CALLERS)
    ]
    answers = at_once(
        CALLERS, lambda number: _send(spar, "/mapper/sync/link", messages[number])
    )
    headers = [json.loads(answer)["header"] for answer in answers]
    codes = sorted(header.get("status_reason_code", "") for header in headers)
    assert codes == ["", *["rjct.message_id.duplicate"] * (CALLERS - 1)]
    done = [_changes(spar, message) for message in messages]
    assert sorted(done) == [[]] * (CALLERS - 1) + [[1] * 5]
