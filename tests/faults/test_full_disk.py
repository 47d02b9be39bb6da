# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The disk of the database fills up while callers link, and then grows."""

import json
import os
import shutil
import subprocess
import threading

import pytest
import requests
from spar_setup import places
from spar_setup.postgres import PostgresServer
from support.book import DONE, LATER, LINK, Book, at_once, new_ids
from support.running_spar import RunningSpar

CALLERS = 4
ITEMS = 200
ROOM = 8  # MB that are free in the beginning
MORE = 300  # MB
PUT_OFF = 10  #: answers that have to say so before the disk grows


@pytest.fixture
def small_disk(bench):
    """Folder on a disk of its own, as a table space; function that gives it a size."""
    if os.geteuid() or not bench.postgres.owner:
        pytest.skip("only root may make a small disk (mount)")
    folder = places.STATE / "small-disk"
    folder.mkdir(exist_ok=True)
    server = bench.postgres
    words = json.loads(server.folder.with_name(f"{server.name}.json").read_text())
    admin = PostgresServer(server.host, server.port, "postgres", words["admin"])
    options = ["mount", "-t", "tmpfs", "-o", "size=1000m", "tmpfs", str(folder)]
    if subprocess.run(options, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        shutil.chown(folder, server.owner)
        folder.chmod(0o700)
        admin.query(f"CREATE TABLESPACE small LOCATION '{folder}'")

        def resize(free):
            used = shutil.disk_usage(folder).used >> 20
            size = f"remount,size={used + free}m"
            subprocess.run(["mount", "-o", size, str(folder)], check=True)

        yield admin, resize
    finally:
        admin.query("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
def cramped(bench, template, small_disk):
    """A server whose database lies on the small disk."""
    admin, resize = small_disk
    instance = bench.scratch("cramped")
    with places.lock(places.STATE / "lock"):
        instance.copy_from(template)
    admin.query(f'ALTER DATABASE "{instance.database}" SET TABLESPACE small')
    port = places.free_port()
    server = bench.postgres
    dsn = (
        f"host={server.host} port={server.port} user={server.user} "
        f"password={server.password} dbname={instance.database}"
    )
    url = f"http://127.0.0.1:{port}"
    try:
        instance.start(port, workers=2)
        yield RunningSpar(url, instance.database, dsn, instance.log_path), resize
    finally:
        instance.stop()
        instance.drop()


def test_full_disk(cramped):
    spar, resize = cramped
    book = Book(spar.base_url)
    resize(ROOM)
    over = threading.Event()
    put_off = threading.Semaphore(0)

    def run(number):
        if number == CALLERS:
            try:
                for _answer in range(PUT_OFF):
                    assert put_off.acquire(timeout=60), "the disk does not fill up"
                resize(MORE)
                over.wait(3)
            finally:
                resize(MORE)
                over.set()
            return
        session = requests.Session()
        while not over.is_set():
            message = book.write(LINK, new_ids(ITEMS))
            while (kind := book.send(message, session)) != DONE:
                assert kind == LATER
                put_off.release()
                over.wait(0.2)
            message.assert_done()

    at_once(CALLERS + 1, run)
    print(book.check(spar))
    assert "Traceback" not in spar.log()
