# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Answers of a running server are read by the model classes of OpenG2P's libraries.

Of 1.0.0 they come with the connector library; 2.0.0 of it does not exist, so the model
classes of 2.0.0 have an environment of their own.
"""

import json
import subprocess
from pathlib import Path

import pytest

#: kind of exchange -> what the libraries read it with
CLASSES = {
    **{operation: operation for operation in ("link", "update", "unlink", "resolve")},
    "ack": "ack",
    "callback": "callback",
    "on-status": "callback",
    "status-list": "status",
}
READER = Path(__file__).with_name("model_reader.py")


@pytest.mark.parametrize(
    ("version", "environment"), [("1.0.0", "connector"), ("2.0.0", "models")]
)
def test_answers(exchanges, peer_python, version, environment):
    asked = [one for one in exchanges if one.kind in CLASSES]
    read = _read(
        peer_python(environment), [(CLASSES[one.kind], one.answer) for one in asked]
    )
    refused = [
        (one.kind, one.operation, one.dialect, got["refused"], one.answer)
        for one, got in zip(asked, read, strict=True)
        if "refused" in got
    ]
    assert not refused, refused[:3]
    for one, got in zip(asked, read, strict=True):
        if one.kind == "ack":
            status = one.answer["message"]["ack_status"]
            assert got["message"]["ack_status"] == status
        if one.kind != one.operation:
            continue
        for sent, taken in zip(
            one.results, got["message"][f"{one.operation}_response"], strict=True
        ):
            # their update results have no address; what there is, is as we sent it
            names = {"reference_id", "status", "status_reason_code", "fa", "id"}
            for name in names & taken.keys():
                assert taken[name] == sent.get(name), (name, sent, taken)
            assert taken["status"] == sent["status"]


def test_the_classes_can_refuse(exchanges, peer_python):
    """They have closed lists of codes: another one makes the answer unreadable."""
    (one, *_rest) = (one for one in exchanges if one.kind == "update" and one.results)
    answer = json.loads(json.dumps(one.answer))
    answer["message"]["update_response"][0]["status_reason_code"] = "rjct.other.error"
    (got,) = _read(peer_python("models"), [("update", answer)])
    assert "status_reason_code" in got["refused"]


def _read(python, pairs):
    done = subprocess.run(
        [python, READER],
        input=json.dumps(pairs),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
