# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Where results of asynchronous calls may be sent (no Odoo).

A client names the address in each message, so it is checked twice: against the list
that an administrator keeps for the client, as a text, and once more as the network
address that it turns out to be. The second holds for the address of a client's key set,
too.
"""

import re
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from odoo.addons.g2p_spar_bank_directory.exceptions import SparConfigurationError

from . import parameters

MAX_LENGTH = 1000  # characters
_PORTS = {"http": 80, "https": 443}
#: names and paths that mean what they say: no user, query, encoding or step upwards
_LABEL = "[A-Za-z0-9-]{1,63}"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\]")
_PATH = re.compile(r"[A-Za-z0-9._~/-]*")
#: no part of an address that is called; blanks and control characters are dropped by
#: the parser here, and not by the one that sends
_REFUSED = re.compile(r"[\x00-\x20?#]")
#: IPv6 addresses that stand for an IPv4 address in their last 32 bits (RFC 6052)
_TRANSLATED = ip_network("64:ff9b::/96")


def parse(url):
    """Take an address apart.

    :return: ``(scheme, host, port, path)``, or None when it is not acceptable
    """
    if not url or len(url) > MAX_LENGTH or _REFUSED.search(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host, _colon, _port = parts.netloc.rpartition(":")
    if parts.port is None:
        host = parts.netloc
    steps = parts.path.split("/")
    if (
        parts.scheme not in _PORTS
        or not _HOST.fullmatch(host)
        or not _PATH.fullmatch(parts.path)
        or {".", ".."} & {*steps}
        or port == 0
    ):
        return None
    return parts.scheme, host.lower(), port or _PORTS[parts.scheme], parts.path


def is_within(url, prefixes):
    """Whether an address is one of these or beneath one of them.

    :param prefixes: addresses that :func:`parse` accepts
    """
    wanted = parse(url)
    if not wanted:
        return False
    for prefix in prefixes:
        allowed = parse(prefix)
        if allowed and allowed[:3] == wanted[:3]:
            path = allowed[3].rstrip("/")
            if wanted[3] == allowed[3] or wanted[3].startswith(f"{path}/") or not path:
                return True
    return False


def endpoint(url, suffix):
    """The full address for one kind of result.

    :param str url: the base, or the full address already
    :param str suffix: e.g. ``on-link`` or ``txn/on-status``
    """
    last = suffix.rpartition("/")[2]
    return url if url.endswith(f"/{last}") else f"{url.rstrip('/')}/{suffix}"


def parse_networks(text):
    """Networks, separated by commas or white space.

    :raise ValueError: one of them is none
    """
    return tuple(ip_network(part) for part in re.split(r"[\s,]+", text) if part)


def configured_guard(env):
    """The guard as this registry's operator has set it.

    :raise SparConfigurationError: the parameter cannot be read
    """
    try:
        return guard(parse_networks(parameters.text(env, "callback_networks")))
    except ValueError as err:
        raise SparConfigurationError(
            "The parameter g2p_spar_mapper.callback_networks is faulty."
        ) from err


def guard(networks):
    """A function that forbids addresses which are not on the public Internet.

    :param networks: networks that are allowed nevertheless
    :return: takes an address as text; raises SparConfigurationError
    """

    def check(text):
        address = _real(ip_address(text.partition("%")[0]))
        if any(
            address in network
            for network in networks
            if network.version == address.version
        ):
            return
        if (
            not address.is_global
            or address.is_multicast
            or address.is_reserved
            or (address.version == 6 and address.is_site_local)  # private until 2004
        ):
            raise SparConfigurationError(
                "The address is in a network that must not be called.", "forbidden"
            )

    return check


def _real(address):
    """The IPv4 address that an IPv6 address stands for, else the address itself."""
    if not isinstance(address, IPv6Address):
        return address
    if address in _TRANSLATED:
        return ip_address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo and address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or teredo or address
