# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Who is connected to which process of a server."""

import psutil


def has_caller(process, port):
    """Whether somebody is connected to this port of the process.

    :param psutil.Process process:
    :raise psutil.Error: it has ended
    """
    return any(
        one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port
        for one in process.net_connections("tcp")
    )
