# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Send one message to a mapper over HTTP and bring the answer home (no Odoo).

Everything that can go wrong on the way becomes an error of the suite's tree, so that
callers know whether trying again can help. Error texts name no ID and no account.
"""

import time

import requests

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparTransientError,
)

CONNECT_SECONDS = 10
READ_BYTES = 65536
#: statuses after which the same request may succeed: time-out, too early, too many
TRANSIENT_STATUSES = frozenset({408, 425, 429})


def post_json(url, body, *, seconds, max_bytes):
    """POST ``body`` and return the body of the answer.

    :param str url: the full address; redirects are not followed
    :param bytes body: JSON
    :param int seconds: most time for the whole answer, not only between two bytes
    :param int max_bytes: most bytes accepted as an answer
    :rtype: bytes
    :raises SparTransientError: not reached, too slow, cut off, too long or a fault of
        the server; whether the request was carried out is not known
    :raises SparConfigurationError: address, certificate, rights or format are wrong
    """
    deadline = time.monotonic() + seconds
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        # an answer that grows when unpacked could get past the limit
        "Accept-Encoding": "identity",
    }
    with requests.Session() as session:
        session.auth = _no_auth
        try:
            response = session.post(
                url,
                data=body,
                headers=headers,
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                allow_redirects=False,
                stream=True,
            )
            _check_status(response)
            return _read(response, deadline, max_bytes)
        except requests.exceptions.SSLError as err:
            raise SparConfigurationError(
                "The mapper's certificate is not valid for its address.", "tls"
            ) from err
        except requests.exceptions.Timeout as err:
            raise SparTransientError(
                "The mapper did not answer in time.", "timeout"
            ) from err
        except requests.exceptions.ConnectionError as err:
            raise SparTransientError(
                "The mapper cannot be reached.", "unreachable"
            ) from err
        except (requests.exceptions.RequestException, OSError) as err:
            if isinstance(err, ValueError):  # requests' family of faulty addresses
                raise SparConfigurationError(
                    "The address of the mapper is not valid.", "url"
                ) from err
            raise SparTransientError(
                "The connection to the mapper broke.", "broken"
            ) from err


def _no_auth(request):
    """Keep credentials of the machine's ``.netrc`` out of our requests."""
    return request


def _check_status(response):
    status = response.status_code
    if status == 200:
        return
    if status in TRANSIENT_STATUSES or status >= 500:
        raise SparTransientError(
            f"The mapper is not able to answer now (HTTP {status}).", f"http_{status}"
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
        f"The mapper {reason} (HTTP {status}).", f"http_{status}"
    )


def _read(response, deadline, max_bytes):
    """The whole body, within the time and the length allowed."""
    # read1 gives what has arrived; urllib3 before 2.2 lacks it and read() blocks until
    # a full piece is there, so a dripping server is noticed later
    read = getattr(response.raw, "read1", response.raw.read)
    body = bytearray()
    try:
        while True:
            if time.monotonic() > deadline:
                raise SparTransientError("The mapper answers too slowly.", "timeout")
            piece = read(READ_BYTES)
            if not piece:
                break
            body += piece
            if len(body) > max_bytes:
                raise SparTransientError(
                    "The mapper's answer is far too long.", "answer"
                )
    except requests.packages.urllib3.exceptions.ReadTimeoutError as err:
        raise SparTransientError(
            "The mapper did not answer in time.", "timeout"
        ) from err
    except requests.packages.urllib3.exceptions.HTTPError as err:
        raise SparTransientError("The mapper's answer was cut off.", "broken") from err
    return bytes(body)
