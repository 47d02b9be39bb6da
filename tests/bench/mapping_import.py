# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Import many mappings through a running server and say how fast it was.

The way of people: upload in parts, check, approval by a second person, run, perhaps
undo, all over HTTP. Prints one JSON object: rows per second of each phase, and the most
memory that a process of the server has had (RSS, in MB), if its process id is known.

    python tests/bench/mapping_import.py http://127.0.0.1:8069 DB --rows 1000000
"""

import argparse
import csv
import json
import re
import sys
import tempfile
import time
import uuid
from pathlib import Path

import requests

PART = 2 << 20  #: bytes of one part
POLL = 1.0  #: seconds
HEADER = ("id", "account type", "provider", "branch", "account number", "name", "phone")
TOKEN = re.compile(r'csrf_token: "([^"]+)"')


class User:
    """Somebody who works in the backend.

    :param str url: the server
    :param str db: its database
    :param str login: login, which is the password, too (demo)
    """

    def __init__(self, url, db, login):
        self.url = url
        self.session = requests.Session()
        self.post(
            "/web/session/authenticate",
            {"db": db, "login": login, "password": login},
        )

    def post(self, path, parameters):
        answer = self.session.post(
            self.url + path, json={"params": parameters}, timeout=300
        )
        answer.raise_for_status()
        body = answer.json()
        if "error" in body:
            raise RuntimeError(body["error"]["data"]["message"])
        return body["result"]

    def call(self, method, *args, model="g2p.spar.import"):
        parameters = {"model": model, "method": method, "args": args, "kwargs": {}}
        return self.post(f"/web/dataset/call_kw/{model}/{method}", parameters)

    def upload(self, load, path):
        """Send a file as the browser does."""
        page = self.session.get(f"{self.url}/odoo", timeout=60).text
        headers = {
            "X-CSRF-Token": TOKEN.search(page)[1],
            "Content-Type": "application/octet-stream",
        }
        with path.open("rb") as file:
            number = 0
            while content := file.read(PART):
                self.session.post(
                    f"{self.url}/spar/import/{load}/part/{number}",
                    data=content,
                    headers=headers,
                    timeout=60,
                ).raise_for_status()
                number += 1
        self.call("finish_upload", [load], path.name, path.stat().st_size)


def write_file(path, rows, fresh):
    """A table of made-up people with accounts at providers of the demo data.

    :param str fresh: part of each ID, so that two files have no ID in common
    """
    people = (
        (
            f"token:{fresh}-{number}@nationalId",
            "bank",
            "HDFC",
            "HDFC0000522",
            str(10**11 + number),
            f"Person Number {number}",
            f"+2547{10_000_000 + number % 10_000_000}",
        )
        for number in range(rows)
    )
    if path.suffix == ".xlsx":
        import xlsxwriter

        with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, HEADER)
            for number, person in enumerate(people, start=1):
                sheet.write_row(number, 0, person)
        return
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(people)


def wait(user, load, state, busy):
    """Wait until the import has left the state ``busy``.

    :return: its figures
    """
    while True:
        figures = user.call("get_progress", load)
        if figures["state"] != busy or figures["halt"]:
            break
        time.sleep(POLL)
    if figures["state"] != state:
        raise RuntimeError(f"{figures['state']}: {figures['failure']}")
    return figures


def peak_memory(pid):
    """Most memory that one of the server's processes has had, in MB."""
    import psutil

    parent = psutil.Process(pid)
    peaks = []
    for process in [parent, *parent.children(recursive=True)]:
        status = Path(f"/proc/{process.pid}/status").read_text()
        peaks.append(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024)
    return round(max(peaks))


def measure(url, db, path, rows, pid=None, undo=False):
    """Import a file; returns what it took.

    :param int rows: how many the file has
    :param int pid: process id of the server
    :param bool undo: whether to undo the import in the end
    :rtype: dict
    """
    uploader = User(url, db, "administrator")
    approver = User(url, db, "import_approver")
    result = {"rows": rows, "file_mb": round(path.stat().st_size / 2**20, 1)}
    load = uploader.call("create", {"name": "Bench"})

    def timed(phase, start, state=None, busy=None):
        begin = time.monotonic()
        start()
        if state:
            wait(uploader, load, state, busy)
        seconds = time.monotonic() - begin
        result[phase] = {
            "seconds": round(seconds, 1),
            "rows_per_second": round(rows / seconds),
        }

    timed("upload", lambda: uploader.upload(load, path))
    timed("check", lambda: uploader.call("action_check", [load]), "checked", "checking")
    uploader.call("action_ask", [load])
    timed("run", lambda: approver.call("action_approve", [load]), "done", "running")
    result["figures"] = uploader.call("get_progress", load)
    if undo:
        uploader.call("action_undo_ask", [load])
        timed(
            "undo",
            lambda: approver.call("action_undo_approve", [load]),
            "undone",
            "undoing",
        )
    if pid:
        result["peak_mb"] = peak_memory(pid)
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("db")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--format", choices=("csv", "xlsx"), default="csv")
    parser.add_argument("--pid", type=int, help="process id of the server")
    parser.add_argument("--undo", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"people.{given.format}"
        write_file(path, given.rows, uuid.uuid4().hex[:8])
        result = measure(given.url, given.db, path, given.rows, given.pid, given.undo)
    json.dump(result, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
