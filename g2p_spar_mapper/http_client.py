# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Send one message to a peer over HTTP and bring the answer home (no Odoo).

Everything that can go wrong on the way becomes an error of the suite's tree, so that
callers know whether trying again can help. Error texts name no ID and no account.

Where somebody else chose the address, a ``guard`` looks at each network address before
it is connected to. It is the very address that is used then: a name that resolves to
something else a moment later changes nothing.
"""

import os
import socket
import threading
import time
from typing import NamedTuple

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparError,
    SparTransientError,
)

CONNECT_SECONDS = 10
READ_BYTES = 65536
#: statuses after which the same request may succeed: time-out, too early, too many
TRANSIENT_STATUSES = frozenset({408, 425, 429})


class Answer(NamedTuple):
    """What a peer answered."""

    status: int
    body: bytes


def post_json(url, body, *, seconds, max_bytes, peer="mapper"):
    """POST ``body`` and return the body of the answer, which must have status 200.

    :param str peer: what the other side is, for error texts
    :rtype: bytes
    :raises: as :func:`post`; SparTransientError also for a fault of the server, and
        SparConfigurationError when it refuses
    """
    with _Exchange(seconds, peer) as exchange:
        response = exchange.send(url, body, {})
        _check_status(response.status_code, peer)
        return exchange.receive(response, max_bytes)


def get(url, *, seconds, max_bytes, guard, peer="server"):
    """GET and return the body of the answer, which must have status 200.

    :param guard: as for :func:`post`
    :rtype: bytes
    :raises: as :func:`post_json`
    """
    with _Exchange(seconds, peer, guard) as exchange:
        response = exchange.send(url, None, {})
        _check_status(response.status_code, peer)
        return exchange.receive(response, max_bytes)


def post(url, body, *, seconds, max_bytes, headers=None, guard=None, peer="receiver"):
    """POST ``body`` and return the answer, whatever its status.

    :param str url: the full address; redirects are not followed
    :param bytes body: JSON
    :param int seconds: most time for the whole exchange, not only between two bytes
    :param int max_bytes: most bytes accepted as an answer
    :param dict headers: further headers
    :param guard: called with each IP address (a text) before it is connected to; raises
        a SparError to forbid it. With a guard, proxies and credentials that the
        machine's environment sets do not count.
    :param str peer: what the other side is, for error texts
    :rtype: Answer
    :raises SparTransientError: not reached, too slow, cut off or too long; whether the
        request was carried out is not known
    :raises SparConfigurationError: address or certificate are wrong
    """
    with _Exchange(seconds, peer, guard) as exchange:
        response = exchange.send(url, body, headers or {})
        return Answer(response.status_code, exchange.receive(response, max_bytes))


class _Exchange:
    """One request and its answer, and the time they may take."""

    def __init__(self, seconds, peer, guard=None):
        self.seconds = seconds
        self.peer = peer
        self.guard = guard
        self.is_cut = False
        self._lines = []
        self._deadline = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._session = _Session()
        self._session.auth = _no_auth
        if guard:
            self._session.trust_env = False
            self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        adapter = _Adapter(self)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def __enter__(self):
        self._timer.start()
        return self

    def __exit__(self, exc_type, exc, _traceback):
        self._timer.cancel()
        self._session.close()
        for line in self._lines:
            line.close()
        if exc is not None and not isinstance(exc, SparError):
            self._translate(exc)

    def _cut(self):
        """The time is over: hang up, wherever the exchange is."""
        self.is_cut = True
        for line in self._lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already

    def connect(self, connection, connect):
        """Open the line for a connection; called by urllib3 instead of ``connect``."""
        if not self.guard:
            return self._keep(connect())
        name = connection._dns_host
        fault = None
        for address in self._resolve(name, connection.port):
            if self.is_cut:
                break
            self.guard(address)
            try:
                # the name stays what the certificate is compared with
                connection._dns_host = address
                return self._keep(connect())
            except (HTTPError, OSError) as err:
                fault = err
            finally:
                connection._dns_host = name
        raise fault or OSError("no address")

    def _resolve(self, name, port):
        try:
            found = socket.getaddrinfo(name.strip("[]"), port, type=socket.SOCK_STREAM)
        except UnicodeError as err:  # a part of the name is empty or too long
            raise self._wrong_address() from err
        return list(dict.fromkeys(address[4][0] for address in found))

    def _keep(self, line):
        # a second handle, for TLS takes the first one over
        self._lines.append(socket.socket(fileno=os.dup(line.fileno())))
        return line

    def send(self, url, body, headers):
        return self._session.request(
            "GET" if body is None else "POST",
            url,
            data=body,
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json",
                # an answer that grows when unpacked could get past the limit
                "Accept-Encoding": "identity",
            }
            | headers,
            timeout=(min(CONNECT_SECONDS, self.seconds), self.seconds),
            allow_redirects=False,
            stream=True,
        )

    def receive(self, response, max_bytes):
        """The whole body, within the time and the length allowed."""
        # read1 gives what has arrived; urllib3 before 2.2 lacks it and read() blocks
        # until a full piece is there, so a dripping server is noticed later
        read = getattr(response.raw, "read1", response.raw.read)
        body = bytearray()
        while piece := read(READ_BYTES):
            body += piece
            if len(body) > max_bytes:
                raise SparTransientError(
                    f"The {self.peer}'s answer is far too long.", "answer"
                )
        if self.is_cut:
            raise self._too_late()
        return bytes(body)

    def _too_late(self):
        return SparTransientError(f"The {self.peer} did not answer in time.", "timeout")

    def _wrong_address(self):
        return SparConfigurationError(
            f"The address of the {self.peer} is not valid.", "url"
        )

    def _translate(self, err):
        """:raises SparError: what a fault of the libraries means"""
        if self.is_cut or time.monotonic() > self._deadline:
            raise self._too_late() from err
        if isinstance(err, requests.exceptions.SSLError):
            raise SparConfigurationError(
                f"The {self.peer}'s certificate is not valid for its address.", "tls"
            ) from err
        if isinstance(err, requests.exceptions.Timeout | ReadTimeoutError):
            raise self._too_late() from err
        if isinstance(err, requests.exceptions.ConnectionError):
            raise SparTransientError(
                f"The {self.peer} cannot be reached.", "unreachable"
            ) from err
        if isinstance(err, HTTPError):
            raise SparTransientError(
                f"The {self.peer}'s answer was cut off.", "broken"
            ) from err
        if not isinstance(err, requests.exceptions.RequestException | OSError):
            return
        if isinstance(err, ValueError):  # requests' family of faulty addresses
            raise self._wrong_address() from err
        raise SparTransientError(
            f"The connection to the {self.peer} broke.", "broken"
        ) from err


class _Session(requests.Session):
    """Knows no redirects: to prepare one that nobody follows, requests reads the whole
    body, whatever its length, and unpacks it."""

    def get_redirect_target(self, resp):
        return None


class _Adapter(HTTPAdapter):
    """Has lines opened by the exchange."""

    def __init__(self, exchange):
        self._exchange = exchange
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        result = super().init_poolmanager(*args, **kwargs)
        exchange = self._exchange

        class Connection(HTTPConnection):
            def _new_conn(self):
                return exchange.connect(self, super()._new_conn)

        class SecureConnection(HTTPSConnection):
            def _new_conn(self):
                return exchange.connect(self, super()._new_conn)

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = SecureConnection

        self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}
        return result


def _no_auth(request):
    """Keep credentials of the machine's ``.netrc`` out of our requests."""
    return request


def _check_status(status, peer):
    if status == 200:
        return
    if status in TRANSIENT_STATUSES or status >= 500:
        raise SparTransientError(
            f"The {peer} is not able to answer now (HTTP {status}).", f"http_{status}"
        )
    if status in (401, 403):
        reason = "does not let this registry in"
    elif 300 <= status < 400:
        reason = "is at another address and redirects there"
    elif status in (404, 405):
        reason = "has no such service at this address"
    else:
        reason = "does not accept the message"
    raise SparConfigurationError(
        f"The {peer} {reason} (HTTP {status}).", f"http_{status}"
    )
