# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import base64
import hmac
import json
import logging
import os
import stat
import tempfile
from pathlib import Path
from unittest.mock import patch

from odoo.tests import BaseCase, tagged
from odoo.tools import config

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparIntegrityError,
)

from .. import keyring

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(1, 33))).decode()


@tagged("post_install", "-at_install")
class TestKeyring(BaseCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "keys.json"
        keyring.get_keyring.cache_clear()
        self.addCleanup(keyring.get_keyring.cache_clear)

    def configure(self, environment=None, option=None):
        """Set the variable and the option for the rest of the test."""
        variables = {keyring.ENVIRONMENT: str(environment)} if environment else {}
        self.enterContext(patch.dict(os.environ, variables))
        if not environment:
            os.environ.pop(keyring.ENVIRONMENT, None)
        self.enterContext(
            patch.dict(
                config.options,
                {keyring.OPTION: option and str(option), "data_dir": str(self.folder)},
            )
        )

    def write_keys(self, content):
        text = content if isinstance(content, str) else json.dumps(content)
        self.path.write_text(text)

    def test_hashes_are_hmac_sha_256(self):
        """What is stored is looked up by them, whoever computes them."""
        key, messages = bytes(range(32)), [b"", b"id\x1ftoken\x1f1", b"x" * 500]
        for size in (16, 32):
            wanted = [hmac.digest(key, text, "sha256")[:size] for text in messages]
            found = keyring.mac_many(key, messages, size)
            self.assertEqual(
                [base64.urlsafe_b64decode(text + "==") for text in found], wanted
            )

    def test_configured_by_variable_or_option(self):
        self.write_keys({"current": "k2", "keys": {"k1": OTHER_KEY, "k2": KEY}})
        for names in ({"environment": self.path}, {"option": self.path}):
            with self.subTest(names=names):
                keyring.get_keyring.cache_clear()
                self.configure(**names)
                ring = keyring.get_keyring()
                self.assertEqual(ring.current, "k2")
                self.assertEqual(ring.keys["k2"], bytes(range(32)))

    def test_sealed_values_open_only_where_they_belong(self):
        old = keyring.KeyRing("k1", {"k1": bytes(32)})
        ring = keyring.KeyRing("k2", {"k1": bytes(32), "k2": bytes(range(32))})
        plain = "Gemüse 1234".encode()
        tokens = [ring.seal("table.column:1", plain) for _time in range(2)]
        self.assertNotEqual(*tokens)
        for token in tokens:
            self.assertTrue(token.startswith("k2:"))
            self.assertEqual(ring.open("table.column:1", token), plain)
            with self.assertRaises(SparIntegrityError):
                ring.open("table.column:2", token)
            with self.assertRaises(SparIntegrityError):
                ring.open("table.column:1", token[:-8] + "AAAAAAA=")
            with self.assertRaisesRegex(SparConfigurationError, "k2"):
                old.open("table.column:1", token)
        self.assertEqual(ring.open("x", old.seal("x", plain)), plain)
        self.assertNotEqual(ring.derive("token"), ring.derive("seal"))

    def test_digest(self):
        ring = keyring.KeyRing("k1", {"k1": bytes(range(32))})
        # HMAC-SHA-256 of "id", 0x1f, "nationalId", 0x1f, "1"; made with openssl
        whole = "ZSashVOqbDv_RgS0pAZ7lgg8UTFSjMlxZJAgCyblhKw"
        self.assertEqual(keyring.mac(bytes(range(32)), b"id\x1fnationalId\x1f1"), whole)
        digest = ring.digest("id", "nationalId", "1")
        raw, first = (base64.urlsafe_b64decode(t + "==") for t in (whole + "=", digest))
        self.assertEqual(first, raw[:16])
        others = {
            ring.digest("id", "nationalId", "2"),
            ring.digest("fa", "nationalId", "1"),
            ring.digest("id", "nationalId1"),
            keyring.KeyRing("k1", {"k1": bytes(32)}).digest("id", "nationalId", "1"),
        }
        self.assertEqual(len(others), 4)
        self.assertNotIn(ring.digest("id", "nationalId", "1"), others)

    def test_faulty_files(self):
        contents = (
            "",
            "not json " + KEY,
            [],
            {"keys": {"k1": KEY}},
            {"current": "k1"},
            {"current": "k2", "keys": {"k1": KEY}},
            {"current": ["k1"], "keys": {"k1": KEY}},
            {"current": "k1", "keys": [KEY]},
            {"current": "k1", "keys": {"k1": KEY[:20]}},
            {"current": "k1", "keys": {"k1": KEY, "k0": "***"}},
            {"current": "k1", "keys": {"k1": 7}},
            # what is sealed under these would never open
            {"current": "k:1", "keys": {"k:1": KEY}},
            {"current": "k1", "keys": {"k1": KEY, "2026:11": KEY}},
            {"current": "", "keys": {"": KEY}},
        )
        self.configure(option=self.path)
        for content in contents:
            with self.subTest(content=content):
                self.write_keys(content)
                with self.assertRaises(SparConfigurationError) as caught:
                    keyring.get_keyring()
                message = caught.exception.message
                self.assertIn("spar_key_file", message)
                self.assertIn(str(self.path), message)
                self.assertNotIn(KEY[:20], message)
                self.assertIsNone(caught.exception.__cause__)

    def test_missing_or_unreadable_file(self):
        for path in (self.folder / "missing.json", self.folder):
            self.configure(environment=path)
            with self.assertRaises(SparConfigurationError) as caught:
                keyring.get_keyring()
            self.assertIn("spar_key_file", caught.exception.message)

    def test_development_key(self):
        self.configure()
        # the number: Odoo gives the name "INFO" to a level of its own
        with self.assertLogs(keyring.__name__, logging.INFO) as logs:
            ring = keyring.get_keyring()
        self.assertEqual(len(logs.records), 1)
        self.assertEqual(logs.records[0].levelno, logging.INFO, "quiet in tests")
        path = self.folder / "spar" / "development_keys.json"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(os.listdir(path.parent), [path.name], "no draft stays behind")
        with self.assertNoLogs(keyring.__name__):
            self.assertIs(keyring.get_keyring(), ring)
        keyring.get_keyring.cache_clear()
        self.assertEqual(keyring.get_keyring(), ring, "made once, then kept")

    def test_development_key_warns_outside_of_tests(self):
        self.configure()
        self.enterContext(patch.dict(config.options, {"test_enable": False}))
        with self.assertLogs(keyring.__name__, "WARNING") as logs:
            keyring.get_keyring()
            keyring.get_keyring()
        self.assertEqual(len(logs.records), 1)

    def test_development_key_of_two_processes(self):
        """The second does not replace what the first has made."""
        path = self.folder / "keys.json"
        keyring._make_development_key(path)
        first = path.read_text()
        with patch.object(Path, "exists", return_value=False):
            keyring._make_development_key(path)
        self.assertEqual(path.read_text(), first)

    def test_no_place_for_a_development_key(self):
        self.configure()
        (self.folder / "spar").write_text("a file where the folder should be")
        with self.assertRaises(SparConfigurationError):
            keyring.get_keyring()
