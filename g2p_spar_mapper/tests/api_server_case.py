# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The tests of the API, with our own server's application in the place of Odoo's."""

import io
from http.client import responses

import requests
from requests.adapters import BaseAdapter

from ..api_server.application import Application
from ..api_server.pages import PAGES
from ..g2p_connect import paths

#: Rows of the table of behaviour run in these ways here: what differs between clients
#: is decided behind both carriers.
WAYS = ("openg2p-compat-sync", "spec-strict-async")


class TestReader:
    """Cursors of the test's transaction."""

    def __init__(self, registry):
        self.registry = registry

    def cursor(self):
        return self.registry.cursor(readonly=True)


class ApplicationAdapter(BaseAdapter):
    """Hands requests to the application, in this process; as granian does it."""

    def __init__(self, application):
        super().__init__()
        self.application = application

    def send(self, request, **_options):
        path, _mark, query = request.path_url.partition("?")
        body = request.body or b""
        if not isinstance(body, bytes):
            body = body.encode() if isinstance(body, str) else b"".join(body)
        environ = {
            "REQUEST_METHOD": request.method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(body),
        }
        for name, value in request.headers.items():
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = f"HTTP_{key}"
            if isinstance(value, bytes):
                value = value.decode("latin-1")
            environ[key] = value
        response = requests.Response()

        def start_response(status, headers):
            response.status_code = int(status[:3])
            response.headers.update(headers)

        content = b"".join(self.application(environ, start_response))
        response.raw = io.BytesIO(content)
        response.encoding = "utf-8"
        response.reason = responses[response.status_code]
        response.request, response.url = request, request.url
        return response

    def close(self):
        pass


class ApiServerMixin:
    """Mix into a test of the API: what our server serves too, it serves here."""

    #: Odoo runs only tests of the class itself unless told otherwise
    allow_inherited_tests_method = True

    def __init_subclass__(cls, **kwargs):
        for name in dir(cls):
            way = name.partition("[")[2].rstrip("]")
            if name.startswith("test_row_") and way not in WAYS:
                setattr(cls, name, None)  # is no test here
        return super().__init_subclass__(**kwargs)

    def setUp(self):
        super().setUp()
        application = Application(self.env.cr.dbname, TestReader(self.registry))
        for path in (*paths.ENDPOINTS, *PAGES):
            self.opener.mount(self.base_url() + path, ApplicationAdapter(application))
