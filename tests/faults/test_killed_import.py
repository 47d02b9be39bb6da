# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Worker processes are killed while they check, apply and undo an import.

The runner finds an orphaned job about a minute later and starts it again.
"""

import time
import uuid

import workers
from bench.mapping_import import User, write_file

ROWS = 30_000
PATIENCE = 240  # seconds, with the runner's pause
#: the runner and its request to the process that was killed
EXPECTED_LOG = (
    r"jobrunner\.runner: Re-queued dead job",
    r"jobrunner\.runner: exception in GET",
)


def _wait(user, load, is_reached):
    end = time.monotonic() + PATIENCE
    while not is_reached(figures := user.call("get_progress", load)):
        assert not figures["halt"], figures["failure"]
        assert time.monotonic() < end, figures
        time.sleep(0.05)
    return figures


def _requeued(spar):
    return spar.log_path.read_text(errors="replace").count("Re-queued dead job")


def _kill(spar, users):
    for connected in users:
        connected.session.close()  # so that the one worker at the job is hit
    workers.kill_one_answering(spar.instance, spar.base_url)


def _goes_on(user, load, count):
    """Whether another worker is at the next part, instead of the runner's pause."""
    before = user.call("get_progress", load)[count]
    time.sleep(1)
    return user.call("get_progress", load)[count] > before


def _kill_in_the_middle(spar, users, load, count, state):
    """Kill the worker once a part is done, and wait for the end all the same.

    :param users: who is connected; the first one looks at the import
    :param str count: what grows with each part; None when all is one part
    """
    user, before = users[0], _requeued(spar)
    if count:
        _wait(user, load, lambda figures: figures[count] or figures["state"] == state)
    _kill(spar, users)
    # one that had just committed its part leaves nothing to be started again
    while count and _goes_on(user, load, count):
        _kill(spar, users)
    figures = _wait(user, load, lambda figures: figures["state"] == state)
    assert _requeued(spar) > before, "the kill did not hit the job"
    return figures


def test_killed_import(spar, tmp_path):
    """Nothing is lost and nothing is done twice."""
    for pattern in EXPECTED_LOG:
        spar.allow_log(pattern)
    path = tmp_path / "people.csv"
    write_file(path, ROWS, uuid.uuid4().hex[:8])
    uploader = User(spar.base_url, spar.db, "administrator")
    approver = User(spar.base_url, spar.db, "import_approver")
    load = uploader.call("create", {"name": "Killed"})
    uploader.upload(load, path)
    users = uploader, approver

    uploader.call("action_check", [load])
    figures = _kill_in_the_middle(spar, users, load, None, "checked")
    assert (figures["row_count"], figures["new_count"]) == (ROWS, ROWS)

    uploader.call("action_ask", [load])
    approver.call("action_approve", [load])
    figures = _kill_in_the_middle(spar, users, load, "done_count", "done")
    assert (figures["done_count"], figures["refused_count"]) == (ROWS, 0)
    (row,) = uploader.call("read", [load], ["reference"])
    ledger = (
        "SELECT verb, count(*) AS events, count(DISTINCT mapping_id) AS mappings"
        "  FROM g2p_spar_mapping_event WHERE transaction = %s"
        " GROUP BY verb ORDER BY verb"
    )
    linked = {"verb": "link", "events": ROWS, "mappings": ROWS}
    assert spar.psql(ledger, [row["reference"]]) == [linked]

    uploader.call("action_undo_ask", [load])
    approver.call("action_undo_approve", [load])
    figures = _kill_in_the_middle(spar, users, load, "undone_count", "undone")
    assert (figures["undone_count"], figures["kept_count"]) == (ROWS, 0)
    removed = {"verb": "unlink", "events": ROWS, "mappings": ROWS}
    assert spar.psql(ledger, [row["reference"]]) == [linked, removed]
