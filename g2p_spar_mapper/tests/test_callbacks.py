# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Which addresses results may be sent to, as texts and as network addresses."""

from odoo.exceptions import ValidationError
from odoo.tests import BaseCase, tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import SparConfigurationError

from .. import callbacks
from .api_case import ApiCase


class TestCallbackAddresses(BaseCase):
    def test_not_acceptable(self):
        for url in (
            "",
            None,
            "pay.example.org/spar",
            "//pay.example.org/spar",
            "ftp://pay.example.org/spar",
            "file:///etc/passwd",
            "https:///spar",
            "https://user@pay.example.org/spar",
            "https://user:word@pay.example.org/spar",
            "https://pay.example.org\\@evil.example.org/",
            "https://pay.example.org/spar?to=evil",
            "https://pay.example.org/spar#x",
            "https://pay.example.org/a/../b",
            "https://pay.example.org/./b",
            "https://pay.example.org/%2e%2e/b",
            "https://pay.example.org/a%2fb",
            "https://pay.example.org:0/",
            "https://pay.example.org:99999/",
            "https://pay.example.org:x/",
            "https://pay.example.org:/x y",
            "https://pay.example.org/\r\nX-Evil: 1",
            "https://pay.example.org/" + "x" * 1000,
            "https://pày.example.org/",
            "https://pay..example.org/",
            "https://.example.org/",
            "https://" + "x" * 64 + ".example.org/",
            # what the parser takes out and the sender does not
            "\x00https://pay.example.org/",
            " https://pay.example.org/",
            "https://pay.example.org/ ",
            "https://pay.example.org/x\n",
            "https://pay.exam\tple.org/",
            "https://pay.example.org/\rx",
            "https://[::1/",
        ):
            with self.subTest(url=url):
                self.assertIsNone(callbacks.parse(url))
                self.assertFalse(callbacks.is_within(url, ["https://pay.example.org"]))

    def test_within(self):
        for url, prefix, expected in (
            ("https://a.example/spar", "https://a.example/spar", True),
            ("https://a.example/spar/x", "https://a.example/spar", True),
            ("https://a.example/spar/x", "https://a.example/spar/", True),
            ("https://A.example:443/spar", "https://a.example/spar", True),
            ("https://a.example", "https://a.example", True),
            ("https://a.example/x", "https://a.example/", True),
            ("http://a.example:8080/x", "http://a.example:8080", True),
            ("https://[2001:db8::1]/x", "https://[2001:db8::1]", True),
            ("https://a.example/sparrow", "https://a.example/spar", False),
            ("https://a.example/", "https://a.example/spar", False),
            ("https://a.example.evil/spar", "https://a.example/spar", False),
            ("https://b.a.example/spar", "https://a.example/spar", False),
            ("https://a.example:444/spar", "https://a.example/spar", False),
            ("http://a.example/spar", "https://a.example/spar", False),
        ):
            with self.subTest(url=url, prefix=prefix):
                self.assertIs(callbacks.is_within(url, [prefix]), expected)
        self.assertFalse(callbacks.is_within("https://a.example/spar", []))

    def test_endpoint(self):
        for url, suffix, expected in (
            ("https://a.example", "on-link", "https://a.example/on-link"),
            ("https://a.example/x/", "on-link", "https://a.example/x/on-link"),
            ("https://a.example/on-link", "on-link", "https://a.example/on-link"),
            ("https://a.example/on-link", "on-update", ".../on-link/on-update"),
            ("https://a.example", "txn/on-status", "https://a.example/txn/on-status"),
            ("https://a.example/t/on-status", "txn/on-status", ".../t/on-status"),
        ):
            expected = expected.replace("...", "https://a.example")
            self.assertEqual(callbacks.endpoint(url, suffix), expected)

    def test_networks(self):
        guard = callbacks.guard(callbacks.parse_networks("10.1.0.0/16, fd00:1::/32"))
        for address in (
            "93.184.215.14",
            "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
            "10.1.2.3",
            "::ffff:10.1.2.3",
            "fd00:1::5",
            "64:ff9b::5db8:d70e",
        ):
            guard(address)
        for address in (
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.2.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2002:a02:1::1",
            "fe80::1%eth0",
            "fec0::1",
            "fd00:2::1",
            "ff02::1",
        ):
            with (
                self.subTest(address=address),
                self.assertRaises(SparConfigurationError),
            ):
                guard(address)

    def test_networks_that_are_none(self):
        self.assertEqual(callbacks.parse_networks(""), ())
        for text in ("10.0.0.1/8", "everything", "10.0.0.0/8;11.0.0.0/8"):
            with self.assertRaises(ValueError):
                callbacks.parse_networks(text)


@tagged("post_install", "-at_install")
class TestClientCallbacks(ApiCase):
    def test_addresses_of_clients(self):
        for url in ("pay.example.org", "https://u@x.example/", "https://x.example/?a"):
            for name in ("callback_url", "callback_allowed"):
                with (
                    self.subTest(url=url, name=name),
                    self.assertRaises(ValidationError),
                ):
                    self.compat[name] = url
        self.compat.callback_allowed = "https://a.example/x\n\n https://b.example \n"
        self.assertEqual(
            self.compat._prepare_data().callback_allowed,
            ("https://a.example/x", "https://b.example"),
        )

    def test_only_test_clients_may_do_without_encryption(self):
        with self.assertRaises(ValidationError):
            self.compat.callback_url = "http://a.example/x"
        self.compat.state = "test"
        self.compat.callback_url = "http://a.example/x"
        with self.assertRaises(ValidationError):
            self.compat.state = "live"
        set_parameter = self.env["ir.config_parameter"].set_param
        set_parameter("g2p_spar_mapper.callback_http", "1")
        self.compat.state = "live"
