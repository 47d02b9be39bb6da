# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""API clients over real HTTP, against server processes that know nothing of each
other: from onboarding to a signed call, and the end of it."""

import base64
import itertools
import json
import uuid

import g2p
import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

#: so many that every worker gets some
CALLS = 20
PEM = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo


def b64(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def sign(private, kid, body):
    """Detached JWS over the bytes that are sent."""
    protected = b64(json.dumps({"alg": "EdDSA", "kid": kid}).encode())
    made = private.sign(protected + b"." + b64(body))
    return b".".join((protected, b"", b64(made))).decode()


class Client:
    """A programme's system: has a secret and a key of its own, and calls both servers
    in turn."""

    def __init__(self, spar, client_id):
        self.spar = spar
        self.servers = itertools.cycle([spar.base_url, spar.api_url])
        self.call = spar.odoo_rpc("administrator", "administrator")
        self.id = client_id
        (values,) = self.call("g2p.spar.client", "read", [client_id], ["code"])
        self.code = values["code"]
        action = self.call("g2p.spar.client", "action_new_secret", [client_id])
        self.secret = action["context"]["default_secret"]
        self.private = Ed25519PrivateKey.generate()
        self.kid = uuid.uuid4().hex
        self.call(
            "g2p.spar.client.key",
            "create",
            {
                "client_id": client_id,
                "kid": self.kid,
                "material": self.private.public_key().public_bytes(*PEM).decode(),
            },
        )

    def new_token(self):
        response = requests.post(
            f"{next(self.servers)}/oauth2/client/token",
            data={"grant_type": "client_credentials", "scope": "mapper.resolve"},
            auth=(self.code, self.secret),
            timeout=60,
        )
        assert response.status_code == 200, response.text
        assert response.json()["token_type"] == "Bearer"
        return response.json()["access_token"]

    def resolve(self, token, wire_id, signature=None):
        message = g2p.message("resolve", [{"id": wire_id}], self.code)
        body = json.dumps(message).encode()
        return requests.post(
            f"{next(self.servers)}/mapper/sync/resolve",
            data=body,
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {token}",
                "Signature": signature or sign(self.private, self.kid, body),
            },
            timeout=60,
        )

    def write(self, **values):
        self.call("g2p.spar.client", "write", [self.id], values)


@pytest.fixture
def client(spar):
    """In test, with token and signature."""
    call = spar.odoo_rpc("administrator", "administrator")
    code = f"e2e-{uuid.uuid4().hex[:8]}"
    client_id = call(
        "g2p.spar.client",
        "create",
        {
            "name": code,
            "code": code,
            "organisation": "Ministry",
            "purpose": "End-to-end tests",
            "may_resolve": True,
            "credentials": "both",
        },
    )
    yield Client(spar, client_id)
    call("g2p.spar.client", "write", [client_id], {"state": "suspended"})


def test_signed_call_and_signed_answer(spar, client):
    key_id = client.call("g2p.spar.signing.key", "create", {})
    client.call("g2p.spar.signing.key", "action_use", [key_id])
    try:
        response = client.resolve(client.new_token(), "test:someone-1")
        assert response.status_code == 200, response.text
        (result,) = response.json()["message"]["resolve_response"]
        assert result["status"] == "succ"

        # the receiver's side: PyJWT wants the payload where a detached JWS has none
        protected, _empty, made = response.headers["Signature"].split(".")
        text = f"{protected}.{b64(response.content).decode()}.{made}"
        kid = jwt.get_unverified_header(text)["kid"]
        jwks = requests.get(f"{spar.base_url}/.well-known/jwks.json", timeout=60)
        key = jwt.PyJWKSet.from_dict(jwks.json())[kid]
        assert jwt.PyJWS().decode(text, key, algorithms=["EdDSA"]) == response.content
    finally:
        client.call("g2p.spar.signing.key", "action_retire", [key_id])


def test_test_client_learns_nothing_of_real_people(client):
    response = client.resolve(client.new_token(), "token:demo-1@nationalId")
    (result,) = response.json()["message"]["resolve_response"]
    assert result["status_reason_code"] == "rjct.id.invalid"


def test_what_is_taken_away_is_gone_on_every_worker_at_once(client):
    token = client.new_token()

    def statuses():
        return {client.resolve(token, "test:1").status_code for _call in range(CALLS)}

    assert statuses() == {200}
    client.write(state="suspended")
    assert statuses() == {401}
    client.write(state="test")
    assert statuses() == {200}
    client.write(may_resolve=False)
    assert statuses() == {403}
    client.write(may_resolve=True)
    (values,) = client.call("g2p.spar.client", "read", [client.id], ["secret_ids"])
    client.call("g2p.spar.client.secret", "action_revoke", values["secret_ids"])
    assert statuses() == {401}


def test_rates_are_counted_by_all_workers_together(client):
    client.write(request_rate=10)
    token = client.new_token()
    responses = [client.resolve(token, "test:1") for _call in range(CALLS)]
    statuses = [response.status_code for response in responses]
    # calls that come while the test runs pay for a few more
    assert 10 <= statuses.count(200) <= 14, statuses
    refused = next(r for r in responses if r.status_code == 429)
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["errors"][0]["code"] == "err.request.too_many_requests"
