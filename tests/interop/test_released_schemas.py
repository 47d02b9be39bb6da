# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Answers of a running server validate against the released specification.

The specification is not part of this repository: its folder is named in the environment
variable ``SPAR_SPEC_DIR``, by default ``../shared/spec`` beside the checkout.
"""

import copy
import os
from pathlib import Path

import jsonschema
import pytest
import yaml
from spar_setup import places
from spec_overlay import corrected, with_openg2p_codes

FILE = "mapper_core_api_v1.0.0.yaml"


@pytest.fixture(scope="module")
def released():
    """The specification as released."""
    folder = Path(os.environ.get("SPAR_SPEC_DIR") or places.ROOT / "../shared/spec")
    path = folder.resolve() / FILE
    if not path.exists():
        reason = (
            f"The released specification is not at {path}: name its folder in "
            "SPAR_SPEC_DIR. Answers were not validated against it."
        )
        print(f"\n  SKIPPED: {reason}")
        pytest.skip(reason)
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def documents(released):
    """What each dialect is judged by."""
    return {
        "spec": corrected(copy.deepcopy(released)),
        "openg2p": with_openg2p_codes(corrected(copy.deepcopy(released))),
    }


def _faults(document, schema, answer):
    validator = jsonschema.Draft202012Validator(
        schema | {"components": document["components"]},
        format_checker=jsonschema.FormatChecker(),
    )
    return [
        f"{fault.json_path}: {fault.message[:200]}"
        for fault in validator.iter_errors(answer)
    ]


def _content(response):
    return response["content"]["application/json"]["schema"]


def _schema(document, exchange):
    """What the specification says about an answer of this kind."""
    if exchange.kind == "error":
        return _content(document["components"]["responses"]["HttpErrorResponse"])
    if exchange.kind == "ack":
        return _content(document["components"]["responses"]["Response"])
    operation = exchange.operation
    if exchange.kind in ("callback", "on-status"):
        path = "txn/on-status" if exchange.kind == "on-status" else f"on-{operation}"
        return _content(document["paths"][f"/mapper/{path}"]["post"]["requestBody"])
    path = "txn/status" if exchange.kind == "status" else operation
    post = document["paths"][f"/mapper/sync/{path}"]["post"]
    return _content(post["responses"]["default"])


def test_answers(documents, exchanges):
    faults = [
        (exchange.kind, exchange.operation, exchange.dialect, found, exchange.answer)
        for exchange in exchanges
        # the specification has no such form
        if exchange.kind != "status-list"
        and (
            found := _faults(
                documents[exchange.dialect],
                _schema(documents[exchange.dialect], exchange),
                exchange.answer,
            )
        )
    ]
    assert not faults, faults[:5]


def test_all_kinds_were_judged(exchanges):
    """A test that looks at nothing passes, too."""
    seen = {(one.kind, one.dialect) for one in exchanges}
    for dialect in ("spec", "openg2p"):
        assert {kind for kind, its in seen if its == dialect} == {
            *("link", "update", "unlink", "resolve", "error"),
            *("ack", "callback", "status", "status-list", "on-status"),
        }
    codes = {
        (one.operation, result.get("status_reason_code"))
        for one in exchanges
        if one.operation == one.kind
        for result in one.results
    }
    assert len(codes) >= 25, sorted(map(str, codes))


def test_the_schemas_can_refuse(documents, exchanges):
    """Damage to an answer is noticed, or the rest proves nothing."""
    (exchange, *_rest) = (
        one
        for one in exchanges
        if (one.kind, one.dialect) == ("update", "spec") and one.results
    )
    document = documents["spec"]
    schema = _schema(document, exchange)
    for damage in (
        {"timestamp": "yesterday"},
        {"status": "done"},
        {"status_reason_code": "rjct.id.invalid"},
        {"additional_info": [{"strategy_id": 1}]},
        {"fa": None},
    ):
        answer = copy.deepcopy(exchange.answer)
        answer["message"]["update_response"][0] |= damage
        assert _faults(document, schema, answer), damage
