# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import json
import time
import uuid
from datetime import timedelta

import jwt

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from ..carriage import FORM_MIMETYPE
from ..keyring import get_keyring
from ..models import token as token_module
from .api_case import ApiCase
from .credentials_case import CredentialsCase, own_rates

ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"
UNAUTHORIZED = "err.request.unauthorized"


@tagged("post_install", "-at_install")
class TestTokenEndpoint(CredentialsCase):
    """RFC 6749, sections 2.3.1, 4.4 and 5."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.new_client("programme")

    def setUp(self):
        super().setUp()
        self.secret = self.new_secret(self.client)

    def assertFault(self, asked, status, error):
        answered, answer, headers = asked
        self.assertEqual((answered, answer["error"]), (status, error), answer)
        self.assertTrue(answer["error_description"])
        self.assertEqual(headers["Cache-Control"], "no-store")
        return headers

    def test_token_for_a_secret_in_form_or_header(self):
        form = self.form("programme", self.secret)
        by_header = {"grant_type": "client_credentials"}
        for fields_, authorization in (
            (form, ""),
            (by_header, self.basic("programme", self.secret)),
        ):
            status, answer, headers = self.ask(fields_, authorization)
            self.assertEqual(status, 200, answer)
            self.assertEqual(answer["token_type"], "Bearer")
            self.assertEqual(answer["expires_in"], 900)
            self.assertEqual(
                answer["scope"], "mapper.link mapper.resolve mapper.status"
            )
            self.assertEqual(headers["Cache-Control"], "no-store")
            for word in ("", "Bearer ", "bearer  "):
                client = self.authenticate(
                    "programme", authorization=word + answer["access_token"]
                )
                self.assertEqual(client.id, self.client.id)

    def test_basic_is_form_encoded(self):
        self.client.code = "a:b c"
        _status, answer, _headers = self.ask(
            {"grant_type": "client_credentials"}, self.basic("a%3Ab+c", self.secret)
        )
        self.assertIn("access_token", answer)

    def test_unknown_client_wrong_secret_and_suspended_are_answered_alike(self):
        wrong = [
            self.ask(self.form("programme", "wrong")),
            self.ask(self.form("nobody", self.secret)),
            self.ask(self.form("", "")),
            self.ask({"grant_type": "client_credentials"}),
            self.ask(self.form("programme", self.secret), "Bearer x"),
            self.ask({}, "Basic ???"),
            self.ask({}, self.basic("programme", "wrong")),
            self.ask({"client_id": "x"}, self.basic("programme", self.secret)),
        ]
        self.client.networks = "192.0.2.0/24"
        wrong.append(self.ask(self.form("programme", self.secret)))
        self.client.networks = False
        self.client.valid_until = fields.Datetime.now() - timedelta(days=1)
        wrong.append(self.ask(self.form("programme", self.secret)))
        self.client.write({"valid_until": False, "state": "suspended"})
        wrong.append(self.ask(self.form("programme", self.secret)))
        bodies = set()
        for asked in wrong:
            headers = self.assertFault(asked, 401, "invalid_client")
            self.assertTrue(headers["WWW-Authenticate"].startswith("Basic "))
            bodies.add(json.dumps(asked[1]))
        self.assertEqual(len(bodies), 1, "the answer tells clients apart")

    def test_faulty_requests(self):
        good = self.form("programme", self.secret)
        for asked, status, error in (
            (
                self.ask(good | {"grant_type": "password"}),
                400,
                "unsupported_grant_type",
            ),
            (
                self.ask({k: v for k, v in good.items() if k != "grant_type"}),
                400,
                "invalid_request",
            ),
            (self.ask(good | {"scope": "mapper.unlink"}), 400, "invalid_scope"),
            (self.ask(good | {"scope": "mapper.link openid"}), 400, "invalid_scope"),
            (self.ask(b"a=1&a=2"), 400, "invalid_request"),
            (self.ask(b"client_id=%ff"), 400, "invalid_request"),
            (self.ask(b"\xff"), 400, "invalid_request"),
            (self.ask(b"a=1&" * 100), 400, "invalid_request"),
            (self.ask(b"x" * 20_000), 413, "invalid_request"),
            (
                self.ask(good, self.basic("programme", self.secret)),
                400,
                "invalid_request",
            ),
        ):
            with self.subTest(error=error):
                self.assertFault(asked, status, error)

    def test_client_that_only_signs_gets_no_token(self):
        self.client.credentials = "signature"
        asked = self.ask(self.form("programme", self.secret))
        self.assertFault(asked, 400, "unauthorized_client")

    def test_scope_narrows_what_the_token_may(self):
        token = self.new_token(self.client, self.secret, scope="mapper.resolve")
        client = self.authenticate(authorization=token)
        self.assertEqual(client.verbs, {"resolve"})
        self.assertFalse(client.may_ask_status)
        with self.assertRaises(SparSecurityError):
            self.env["g2p.spar.gateway"]._check_right("status", client)
        token = self.new_token(
            self.client, self.secret, scope="mapper.resolve mapper.status"
        )
        client = self.authenticate(authorization=token)
        self.assertTrue(client.may_ask_status)
        self.env["g2p.spar.gateway"]._check_right("status", client)

    def test_expires_in_is_text_where_the_specification_says_so(self):
        self.client.dialect = "spec"
        _status, answer, _headers = self.ask(self.form("programme", self.secret))
        self.assertEqual(answer["expires_in"], "900")

    def test_lifetime_is_a_parameter(self):
        parameters = self.env["ir.config_parameter"].sudo()
        for value, seconds in (("60", 60), ("9999999", 86400)):
            parameters.set_param("g2p_spar_mapper.token_seconds", value)
            _status, answer, _headers = self.ask(self.form("programme", self.secret))
            self.assertEqual(answer["expires_in"], seconds)


@tagged("post_install", "-at_install")
class TestToken(CredentialsCase):
    """What a token is good for, and for how long."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.new_client("programme")

    def test_sender_may_be_left_out_but_not_be_another(self):
        token = self.new_token(self.client)
        self.new_client("other", credentialless=True, networks="10.0.0.0/8")
        self.assertEqual(self.authenticate("", authorization=token).code, "programme")
        for sender_id in ("other", "nobody"):
            self.assertRefused("err.sender_id.invalid", sender_id, authorization=token)

    def test_token_is_needed(self):
        self.assertRefused(UNAUTHORIZED, "programme")

    def test_suspended_and_revoked_clients_are_refused_at_once(self):
        secret = self.client.secret_ids
        token = self.new_token(self.client)
        self.authenticate(authorization=token)
        for change, back in (
            ({"state": "suspended"}, {"state": "live"}),
            ({"code": "renamed"}, {"code": "programme"}),
            (
                {"valid_until": fields.Datetime.now() - timedelta(1)},
                {"valid_until": False},
            ),
        ):
            with self.subTest(change=change):
                self.client.write(change)
                self.assertRefused(UNAUTHORIZED, authorization=token)
                self.client.write(back)
                self.authenticate(authorization=token)
        secret = self.client.secret_ids
        secret.valid_until = fields.Datetime.now() - timedelta(1)
        self.assertRefused(UNAUTHORIZED, authorization=token)
        secret.valid_until = fields.Datetime.now() + timedelta(1)
        self.authenticate(authorization=token)
        secret.action_revoke()
        self.assertRefused(UNAUTHORIZED, authorization=token)

    def test_network_counts_for_tokens_too(self):
        token = self.new_token(self.client)
        self.client.networks = "192.0.2.0/24"
        self.assertRefused("err.request.forbidden", authorization=token)
        self.authenticate(authorization=token, address="192.0.2.7")

    def test_forged_tokens(self):
        token = self.new_token(self.client)
        header = jwt.get_unverified_header(token)
        key = get_keyring().derive(token_module.PURPOSE, header["kid"])
        claims = jwt.decode(token, options={"verify_signature": False})
        now = int(time.time())

        def make(key=key, alg="HS256", kid=header["kid"], **changes):
            return jwt.encode(claims | changes, key, alg, headers={"kid": kid})

        self.authenticate(authorization=make())
        other = self.new_client("other")
        self.new_secret(other)
        signing_key = self.env["g2p.spar.signing.key"].create({})
        signing_key.action_use()
        signer = signing_key._signer()
        protected, payload, made = token.split(".")
        for name, forged in {
            "alg none": make(None, "none"),
            "other key": make(b"x" * 32),
            "key of another purpose": make(get_keyring().derive("seal")),
            "other algorithm": make(key * 2, "HS512"),
            "key that signs answers": make(signer.private, "EdDSA", signer.kid),
            "its public half": make(signing_key.public_pem[:-5].encode()),
            "kid of another file": make(b"x" * 32, kid="../../../../dev/null"),
            "unknown kid": make(kid="nobody"),
            "kid no text": make(kid="x" * 100),
            "expired": make(exp=now - 1),
            "future": make(iat=now + 3600),
            "other issuer": make(iss=f"urn:uuid:{uuid.uuid4()}"),
            "other audience": make(aud="somebody"),
            "secret of another client": make(sid=other.secret_ids.id),
            "other client": make(sub="other"),
            "no such secret": make(sid=2**31),
            "secret no number": make(sid="1"),
            "cut off": token[:-3],
            "no signature": f"{protected}.{payload}.",
            "altered": f"{protected}.{payload[:-4]}AAAA.{made}",
            "two parts": f"{protected}.{payload}",
            "no base64": "*.*.*",
            "not ASCII": "äöü",
            "huge": token + "A" * 5000,
            "word only": "Bearer ",
            "other scheme": self.basic("programme", "x"),
        }.items():
            with self.subTest(name):
                self.assertRefused(UNAUTHORIZED, authorization=forged)

    def test_token_ends(self):
        self.env["ir.config_parameter"].sudo().set_param(
            "g2p_spar_mapper.token_seconds", "1"
        )
        token = self.new_token(self.client)
        self.authenticate(authorization=token)
        time.sleep(1.2)
        self.assertRefused(UNAUTHORIZED, authorization=token)

    def test_memory_of_tokens_is_bounded(self):
        secret = self.new_secret(self.client)
        self.patch(token_module, "_MOST_VERIFIED", 3)
        for _number in range(7):
            self.authenticate(authorization=self.new_token(self.client, secret))
            self.assertLessEqual(len(token_module._verified), 3)

    def test_checking_a_token_costs_no_query(self):
        token = self.new_token(self.client)
        self.authenticate(authorization=token)
        with self.assertQueryCount(0):
            self.authenticate(authorization=token)


@tagged("post_install", "-at_install")
class TestSecret(CredentialsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.new_client("programme")
        cls.administrator = new_test_user(cls.env, "secret_admin", ADMINISTRATOR)

    def test_shown_once_and_kept_as_a_hash(self):
        client = self.client.with_user(self.administrator)
        action = client.action_new_secret()
        secret = action["context"]["default_secret"]
        self.assertGreaterEqual(len(secret), 43)
        self.assertNotIn("res_id", action)
        show = client.env[action["res_model"]].with_context(**action["context"])
        self.assertFalse(show._auto, "kept in a table")
        spec = {"client_code": {}, "secret": {}}
        shown = show.onchange({}, [], spec)["value"]
        self.assertEqual(shown, {"client_code": client.code, "secret": secret})
        self.env.flush_all()
        self.env.cr.execute("SELECT * FROM g2p_spar_client_secret")
        self.assertNotIn(secret, str(self.env.cr.fetchall()))
        self.assertNotIn(secret, str(client.message_ids.mapped("body")))
        with self.assertRaises(AccessError):
            client.secret_ids.read(["digest"])

    def test_two_at_a_time_for_rotation(self):
        first, second = (self.new_secret(self.client) for _number in range(2))
        for secret in (first, second):
            self.new_token(self.client, secret)
        with self.assertRaises(ValidationError):
            self.new_secret(self.client)
        self.client.invalidate_recordset(["secret_ids"])
        newest, oldest = self.client.secret_ids
        oldest.action_revoke()
        self.assertIn(f"revoked: {oldest.name}…", self.client.message_ids[0].body)
        self.assertEqual(self.ask(self.form("programme", first))[0], 401)
        self.new_token(self.client, second)
        self.new_secret(self.client)
        newest.valid_until = fields.Datetime.now() - timedelta(seconds=1)
        self.assertEqual(self.ask(self.form("programme", second))[0], 401)
        with self.assertRaises(UserError):
            oldest.valid_until = fields.Datetime.now() + timedelta(days=1)

    def test_secret_stays_with_its_client(self):
        """Or an administrator speaks for a client, and its history does not say so."""
        other = self.new_client("other")
        self.new_secret(other)
        secret = other.secret_ids.with_user(self.administrator)
        client = self.client.with_user(self.administrator)
        for attempt in (
            lambda: secret.write({"client_id": client.id}),
            lambda: client.write({"secret_ids": [Command.link(secret.id)]}),
            lambda: secret.write({"name": "abcd"}),
            lambda: secret.write({"revoked_at": False}),
            lambda: secret.create({"client_id": client.id, "name": "abcd"}),
        ):
            with self.assertRaises(AccessError):
                attempt()
        self.assertEqual(secret.client_id.code, "other")

    def test_client_tells_of_its_secrets(self):
        client = self.client.with_user(self.administrator)
        client.action_new_secret()
        secret = client.secret_ids

        def told():
            return client.message_ids[0].body

        secret.valid_until = "2020-01-01 00:00:00"
        self.assertIn(f"changed: {secret.name}…", told())
        self.assertIn("2020-01-01", told())
        secret.valid_until = "2099-01-01 00:00:00"
        self.assertEqual(secret.state, "valid")
        self.assertIn("2099-01-01", told())
        secret.action_revoke()
        self.assertIn(f"revoked: {secret.name}…", told())
        name = secret.name
        secret.unlink()
        self.assertIn(f"removed: {name}…", told())

    def test_administrators_only(self):
        self.new_secret(self.client)
        for group in (
            "g2p_spar_mapper.group_spar_officer",
            "g2p_spar_mapper.group_spar_auditor",
            "g2p_spar_bank_directory.group_spar_steward",
            "base.group_portal",
        ):
            user = new_test_user(self.env, f"secret_{group.split('.')[1]}", group)
            client = self.client.with_user(user)
            secret = self.client.secret_ids.with_user(user)
            for refused in (
                lambda client=client: client.action_new_secret(),
                lambda secret=secret: secret._generate(self.client),
                lambda secret=secret: secret.read(["name"]),
                lambda secret=secret: secret.action_revoke(),
                lambda secret=secret: secret.unlink(),
            ):
                with self.subTest(group=group), self.assertRaises(AccessError):
                    refused()


@tagged("post_install", "-at_install")
class TestTokenOverHttp(ApiCase):
    def setUp(self):
        super().setUp()
        own_rates(self)

    def test_from_secret_to_answer(self):
        client = self.compat
        client.write({"credentialless": False, "credentials": "token"})
        secret = client.action_new_secret()["context"]["default_secret"]
        form = {
            "grant_type": "client_credentials",
            "client_id": "compat",
            "client_secret": secret,
        }
        response = self.url_open("/oauth2/client/token", data=form)
        self.assertEqual(response.status_code, 200, response.text)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertNotIn("session_id", response.headers.get("Set-Cookie", ""))
        message = self.message("resolve", [self.item()])
        refused = self.post("resolve", message)
        self.assertError(refused, 401, UNAUTHORIZED)
        self.assertIn("Bearer", refused.headers["WWW-Authenticate"])
        token = response.json()["access_token"]
        self.opener.headers["Authorization"] = f"Bearer {token}"
        self.assertEqual(self.post("resolve", message).status_code, 200)
        client.state = "suspended"
        self.assertError(self.post("resolve", message), 401, UNAUTHORIZED)
        client.state = "live"
        narrow = self.url_open(
            "/oauth2/client/token",
            data=form | {"scope": "mapper.link"},
            headers={"Authorization": ""},
        )
        token = narrow.json()["access_token"]
        self.opener.headers["Authorization"] = f"Bearer {token}"
        self.assertError(self.post("resolve", message), 403, "err.request.forbidden")

    def test_faults(self):
        path = "/oauth2/client/token"
        self.assertError(self.url_open(path), 405, "err.request.bad")
        self.assertError(
            self.url_open(path, json={}, method="POST"), 415, "err.request.bad"
        )
        response = self.url_open(
            "/oauth2/client/token",
            data=b"x" * 20_000,
            headers={"Content-Type": FORM_MIMETYPE},
        )
        self.assertEqual(response.status_code, 413)
        response = self.url_open("/oauth2/client/token", data={"client_id": "x"})
        self.assertEqual(response.status_code, 401)
        self.assertEqual(response.json()["error"], "invalid_client")
        self.assertIn("WWW-Authenticate", response.headers)
