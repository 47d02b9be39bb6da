# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the runs of one machine must not take from each other."""

from pathlib import Path

import pytest
from spar_setup import places

#: first and last of the ports that the kernel gives to outgoing connections
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_free_port_is_not_given_to_outgoing_connections():
    first, last = map(int, OUTGOING.read_text().split())
    if first <= places.PORTS[-1]:
        pytest.skip(f"this machine gives all ports from {first} on to connections")
    assert all(not first <= places.free_port() <= last for _ in range(20))
