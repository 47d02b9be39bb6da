# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The processes of a server, found by what they do."""

import signal
import time
from urllib.parse import urlsplit

import psutil


def answering(pid, base_url):
    """Processes of a server that hold a caller's connection now.

    :param int pid: the server's main process
    :param str base_url: where the callers are connected to
    """
    port = urlsplit(base_url).port
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            connections = process.net_connections("tcp")
        except psutil.Error:  # it has just ended
            continue
        if any(
            one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port
            for one in connections
        ):
            found.append(process)
    return found


def kill_one_answering(pid, base_url, patience=20):
    """End a process that is answering somebody, without a chance to tidy up.

    :return: its process id
    :raise AssertionError: nobody was answered all the time
    """
    end = time.monotonic() + patience
    while time.monotonic() < end:
        for process in answering(pid, base_url):
            process.send_signal(signal.SIGKILL)
            return process.pid
        time.sleep(0.001)
    raise AssertionError("no process answers anybody")
