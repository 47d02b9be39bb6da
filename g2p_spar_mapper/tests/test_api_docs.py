# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The description of the API. That answers are as it says, ``api_case`` checks with
each answer of each test."""

import json
import re

import jsonschema

from odoo.modules import Manifest
from odoo.tests import BaseCase, HttpCase, tagged

from .. import faults
from ..g2p_connect import openapi
from ..g2p_connect.paths import ENDPOINTS
from .documented import document


class TestDescription(BaseCase):
    def test_schemas_are_sound(self):
        for name, schema in document()["components"]["schemas"].items():
            with self.subTest(name=name):
                jsonschema.Draft202012Validator.check_schema(schema)
        text = json.dumps(document())
        for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
            with self.subTest(reference=reference):
                part = document()
                for key in reference.split("/"):
                    part = part[key]
                self.assertTrue(part)

    def test_every_path_is_described(self):
        text = json.dumps(document()["paths"])
        for path in ENDPOINTS:
            with self.subTest(path=path):
                self.assertTrue(re.search(rf"{re.escape(path)}[\",. ]", text))

    def test_every_error_is_described(self):
        for status, code in faults._CODES.items():
            if status in (404, 408):  # no request to a described path ends so
                continue
            with self.subTest(status=status):
                _text, codes = openapi.ERRORS[status]
                self.assertIn(code, codes)

    def test_examples_fit(self):
        for path, item in document()["paths"].items():
            content = item["post"]["requestBody"]["content"]["application/json"]
            (example,) = content["examples"].values()
            with self.subTest(path=path):
                components = {"components": document()["components"]}
                jsonschema.Draft202012Validator(
                    content["schema"] | components
                ).validate(example["value"])

    def test_members_that_are_always_there(self):
        """What goes out is described stricter than what is taken in."""
        schemas = document()["components"]["schemas"]
        self.assertEqual(schemas["RequestHeader"]["required"], ["message_id", "action"])
        self.assertIn("meta", schemas["AnswerHeader"]["required"])
        self.assertIn("fa", schemas["LinkResult"]["required"])
        self.assertNotIn("fa", schemas["UnlinkResult"]["properties"])
        self.assertNotIn("account_provider_info", schemas["LinkResult"]["properties"])
        codes = schemas["LinkResult"]["properties"]["status_reason_code"]["enum"]
        self.assertIn("rjct.name.invalid", codes)
        self.assertNotIn("succ.id.active", codes)


@tagged("post_install", "-at_install")
class TestApiDocs(HttpCase):
    def test_document(self):
        response = self.url_open("/mapper/openapi.json")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Content-Type"], "application/json")
        self.assertPublic(response)
        version = Manifest.for_addon("g2p_spar_mapper")["version"]
        self.assertEqual(response.json(), openapi.build(version))

    def test_page(self):
        response = self.url_open("/mapper/docs")
        self.assertEqual(response.status_code, 200)
        self.assertPublic(response)
        page = response.text
        self.assertTrue(page.startswith("<!DOCTYPE html>"))
        for text in (
            "/mapper/sync/resolve",
            "LinkReply",
            "/mapper/txn/status",
            "rjct.name.invalid",
            "err.sender_id.invalid",
            "Retry-After",
            "&#34;transaction_id&#34;",
        ):
            with self.subTest(text=text):
                self.assertIn(text, page)
        # nothing is fetched from anywhere, and links lead somewhere
        self.assertNotRegex(page, r"<script|<link|@import|url\(|https?://")
        anchors = set(re.findall(r'id="([^"]+)"', page))
        self.assertLessEqual(set(re.findall(r'href="#([^"]+)"', page)), anchors)

    def assertPublic(self, response):
        self.assertEqual(response.headers["Cache-Control"], "public, max-age=3600")
        self.assertNotIn("Set-Cookie", response.headers)
