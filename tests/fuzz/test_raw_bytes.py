# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Bytes that no client means to send: each gets an answer that the API describes, and
none of them harms the server."""

import json
import time
import uuid
from datetime import UTC, datetime

import jsonschema
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

OPERATIONS = ("link", "update", "unlink", "resolve", "txn/status")
#: answered at once, and later
ROOTS = ("/mapper/sync", "/mapper")
PATHS = [f"{root}/{operation}" for root in ROOTS for operation in OPERATIONS]
QUICK = 5  # seconds an answer may take
PATIENCE = 120  # seconds until all that was taken is done

#: put in place of a value, or between two bytes
ODD = [
    b"\x00",
    b"\xff\xfe",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b'"\\ud800"',
    b'"\\ud83d\\ude00"',
    b'"\\u0000"',
    b'"\\u202e"',
    b"1e400",
    b"-1e400",
    b"1.5",
    b"9" * 400,
    b"-0",
    b"NaN",
    b"Infinity",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"[" * 3000 + b"]" * 3000,
    b"[" * 970 + b"]" * 970,  # about as deep as the parser goes
    b"[" * 90 + b"]" * 90,
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b'"' + b"x" * 100_000 + b'"',
    b'{"id":"a","id":"b"}',
    b"/* */",
    b"'text'",
]

profile = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", params=["base_url", "api_url"])
def send(spar, request):
    """Function that posts bytes and gives the status, the answer having been judged.
    Both servers of the API get them."""
    base_url = getattr(spar, request.param)
    document = requests.get(f"{base_url}/mapper/openapi.json", timeout=30).json()
    components = document["components"]
    session = requests.Session()

    def schema_of(path, status):
        responses = document["paths"][path]["post"]["responses"]
        response = responses[str(status)]
        if "$ref" in response:
            name = response["$ref"].rpartition("/")[2]
            response = components["responses"][name]
        return response["content"]["application/json"]["schema"]

    def post(path, body):
        answer = session.post(
            base_url + path,
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=30,
        )
        assert answer.status_code < 500, answer.text
        assert answer.elapsed.total_seconds() < QUICK
        schema = schema_of(path, answer.status_code)
        jsonschema.Draft202012Validator(schema | {"components": components}).validate(
            answer.json()
        )
        assert "Traceback" not in answer.text
        return answer.status_code

    return post


def message(path):
    """A sound message as data. A mapping that it makes does no harm."""
    operation = path.rpartition("/")[2]
    now = datetime.now(UTC).isoformat()
    if operation == "status":
        action, request = "txn-status", "txnstatus_request"
        content = {
            "reference_id": "r1",
            "txn_type": "link",
            "attribute_type": "transaction_id",
            "attribute_value": "fuzz",
        }
    else:
        action, request = operation, f"{operation}_request"
        item = {
            "reference_id": "r1",
            "timestamp": now,
            "id": f"token:{uuid.uuid4().hex}@nationalId",
            "fa": "account:5494373447@indigo.dfsp2.bank_acc",
            "additional_info": [{"name": "a", "value": 1}],
        }
        content = [item]
    return {
        "header": {
            "version": "1.0.0",
            "message_id": str(uuid.uuid4()),
            "message_ts": now,
            "action": action,
            "sender_id": "demo-client",
            "total_count": 1,
        },
        "message": {"transaction_id": "fuzz", request: content},
    }


def objects(content):
    """All objects in a message, the message first."""
    if isinstance(content, dict):
        yield content
        content = content.values()
    if not isinstance(content, str | int):
        for inner in content:
            yield from objects(inner)


def test_sound_message_is_served(send):
    for path in PATHS:
        assert send(path, json.dumps(message(path)).encode()) == 200


@profile
@given(st.sampled_from(PATHS), st.binary(max_size=200))
def test_any_bytes(send, path, body):
    assert send(path, body) in (400, 415)


@profile
@given(
    st.sampled_from(PATHS),
    st.integers(0, 2**16),
    st.integers(0, 40),
    st.one_of(st.sampled_from(ODD), st.binary(max_size=8)),
)
def test_damaged_messages(send, path, place, length, odd):
    """Some bytes in the middle become others."""
    body = json.dumps(message(path)).encode()
    place %= len(body)
    send(path, body[:place] + odd + body[place + length :])


@profile
@given(st.sampled_from(PATHS), st.data())
def test_odd_values(send, path, data):
    """One member becomes something else, or stands there twice."""
    content = message(path)
    holder = data.draw(st.sampled_from([*objects(content)]))
    name = data.draw(st.sampled_from(sorted(holder)))
    value = json.dumps(holder[name])
    holder[name] = marker = "put-the-odd-value-here"
    if data.draw(st.booleans()):
        odd = data.draw(st.sampled_from(ODD))
    else:
        odd = f'{value}, "{name}": {value}'.encode()
    send(path, json.dumps(content).encode().replace(b'"%s"' % marker.encode(), odd))


def test_what_was_taken_is_done(spar):
    """Each message that got an Ack, however odd, is processed by its job."""
    deadline = time.monotonic() + PATIENCE
    query = "SELECT state, count(*) FROM g2p_spar_transaction GROUP BY state"
    while True:
        states = {row["state"]: row["count"] for row in spar.psql(query)}
        if not states.keys() & {"rcvd", "pdng"}:
            break
        assert time.monotonic() < deadline, states
        time.sleep(1)
    assert states["succ"] > 1
