# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The processes of a server, found by what they do."""

import signal
import time
from urllib.parse import urlsplit

import psutil
from bench.connections import has_caller

RENEW = 1.0  # seconds after which processes are looked for anew


def of_instance(instance):
    """All processes of an instance's servers except the main ones.

    :param instance: the :class:`~spar_setup.instance.Instance`
    """
    mark = str(instance.folder)
    found = [
        process
        for process in psutil.process_iter(["pid", "ppid", "cmdline"])
        if any(mark in part for part in process.info["cmdline"] or [])
    ]
    pids = {process.pid for process in found}
    return [process for process in found if process.info["ppid"] in pids]


def answering(processes, base_url):
    """Those of the processes that hold a caller's connection now.

    :param str base_url: where the callers are connected to
    """
    port = urlsplit(base_url).port
    found = []
    for process in processes:
        try:
            if has_caller(process, port):
                found.append(process)
        except psutil.Error:  # it has just ended
            continue
    return found


def kill_one_answering(instance, base_url, patience=20):
    """End a process that is answering somebody, without a chance to tidy up.

    :return: its process id
    :raise AssertionError: nobody was answered all the time
    """
    end = time.monotonic() + patience
    while (now := time.monotonic()) < end:
        processes = of_instance(instance)
        while time.monotonic() < now + RENEW:  # looking for them takes its time
            for process in answering(processes, base_url):
                process.send_signal(signal.SIGKILL)
                return process.pid
            time.sleep(0.001)
    raise AssertionError("no process answers anybody")
