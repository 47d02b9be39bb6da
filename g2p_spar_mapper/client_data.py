# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the request path knows of the clients: plain data, kept in memory by each
worker until any client changes anywhere."""

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from .g2p_connect.signature import Key
from .key_sets import KeySet
from .outcomes import Limits

NEVER = float("inf")


class ClientData(NamedTuple):
    """What the API needs to know about a client that may call."""

    id: int
    code: str  #: the sender_id it uses
    purpose: str
    verbs: frozenset[str]  #: operations it may call
    details: bool
    resolve_by_fa: bool
    strict: bool
    item_limit: int
    networks: tuple[IPv4Network | IPv6Network, ...]  #: empty: from everywhere
    dialect: str  #: ``openg2p`` or ``spec``
    all_failed_rejects: bool  #: header ``rjct`` when no item succeeded
    callback_url: str  #: where results of asynchronous calls go by default
    limits: Limits
    credentialless: bool
    needs_token: bool
    needs_signature: bool
    request_rate: int  #: messages a minute, 0 without limit
    item_rate: int  #: items a minute, 0 without limit
    signed_answers: bool  #: when this registry has a signing key
    valid_from: float  #: seconds since 1970
    valid_until: float  #: seconds since 1970
    renderings: dict  #: code of account type -> Rendering of addresses it looks up
    callback_allowed: tuple[str, ...] = ()  #: where results may be sent
    may_ask_status: bool = True  #: of its own messages; a token may be without

    def reaches_from(self, address):
        """Whether the client may call from there."""
        if not self.networks:
            return not self.credentialless
        return bool(address) and any(address in network for network in self.networks)

    def is_valid(self, now):
        """:param float now: seconds since 1970"""
        return self.valid_from <= now < self.valid_until


class Secret(NamedTuple):
    """What a client shows to get tokens."""

    id: int
    client: ClientData
    digest: str
    valid_until: float  #: seconds since 1970


class Callers(NamedTuple):
    """All clients that are not suspended, and how they are known."""

    by_code: dict[str, ClientData]
    by_id: dict[int, ClientData]
    credentialless: tuple[ClientData, ...]
    secrets: dict[int, Secret]  #: by their id; not revoked
    keys: dict[int, tuple[Key, ...]]  #: handed over, by id of the client
    owners: dict[str, frozenset[int]]  #: ids of clients by the ids of their keys
    key_sets: dict[int, tuple[KeySet, ...]]  #: by id of the client


def parse_address(remote_addr):
    """An IPv4 address that came in through an IPv6 socket counts as IPv4.

    :return: None when it is no address
    """
    try:
        address = ip_address(remote_addr or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
