# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Bytes that no client means to send: each gets an answer that the API describes, and
none of them harms the server."""

import json
import uuid

import jsonschema
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

OPERATIONS = ("link", "update", "unlink", "resolve")
QUICK = 5  # seconds an answer may take

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
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b'"' + b"x" * 100_000 + b'"',
    b'{"id":"a","id":"b"}',
    b"/* */",
    b"'text'",
]

profile = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def send(spar):
    """Function that posts bytes and gives the status, the answer having been judged."""
    document = requests.get(f"{spar.base_url}/mapper/openapi.json", timeout=30).json()
    components = document["components"]
    session = requests.Session()

    def schema_of(operation, status):
        responses = document["paths"][f"/mapper/sync/{operation}"]["post"]["responses"]
        response = responses[str(status)]
        if "$ref" in response:
            name = response["$ref"].rpartition("/")[2]
            response = components["responses"][name]
        return response["content"]["application/json"]["schema"]

    def post(operation, body):
        answer = session.post(
            f"{spar.base_url}/mapper/sync/{operation}",
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=30,
        )
        assert answer.status_code < 500, answer.text
        assert answer.elapsed.total_seconds() < QUICK
        schema = schema_of(operation, answer.status_code)
        jsonschema.Draft202012Validator(schema | {"components": components}).validate(
            answer.json()
        )
        assert "Traceback" not in answer.text
        return answer.status_code

    return post


def message(operation):
    """A sound message as bytes. A mapping that it makes does no harm."""
    item = {
        "reference_id": "r1",
        "timestamp": "2026-01-31T10:00:00+00:00",
        "id": f"token:{uuid.uuid4().hex}@nationalId",
        "fa": "account:5494373447@indigo.dfsp2.bank_acc",
        "additional_info": [{"name": "a", "value": 1}],
    }
    content = {
        "header": {
            "version": "1.0.0",
            "message_id": str(uuid.uuid4()),
            "message_ts": "2026-01-31T10:00:00+00:00",
            "action": operation,
            "sender_id": "demo-client",
            "total_count": 1,
        },
        "message": {"transaction_id": "fuzz", f"{operation}_request": [item]},
    }
    return json.dumps(content).encode()


def test_sound_message_is_served(send):
    for operation in OPERATIONS:
        assert send(operation, message(operation)) == 200


@profile
@given(st.sampled_from(OPERATIONS), st.binary(max_size=200))
def test_any_bytes(send, operation, body):
    assert send(operation, body) in (400, 415)


@profile
@given(
    st.sampled_from(OPERATIONS),
    st.integers(0, 2**16),
    st.integers(0, 40),
    st.one_of(st.sampled_from(ODD), st.binary(max_size=8)),
)
def test_damaged_messages(send, operation, place, length, odd):
    """Some bytes in the middle become others."""
    body = message(operation)
    place %= len(body)
    send(operation, body[:place] + odd + body[place + length :])


@profile
@given(st.sampled_from(OPERATIONS), st.data())
def test_odd_values(send, operation, data):
    """One member becomes something else, or stands there twice."""
    text = message(operation)
    content = json.loads(text)
    holders = [
        content,
        content["header"],
        content["message"],
        content["message"][f"{operation}_request"][0],
        content["message"][f"{operation}_request"][0]["additional_info"][0],
    ]
    holder = data.draw(st.sampled_from(holders))
    name = data.draw(st.sampled_from(sorted(holder)))
    marker = "put-the-odd-value-here"
    if data.draw(st.booleans()):
        holder[name] = marker
        odd = data.draw(st.sampled_from(ODD))
        body = json.dumps(content).encode().replace(b'"%s"' % marker.encode(), odd)
    else:
        value = json.dumps(holder[name])
        holder[name] = marker
        twice = f'{value}, "{name}": {value}'
        body = json.dumps(content).replace(f'"{marker}"', twice).encode()
    send(operation, body)
