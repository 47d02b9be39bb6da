# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What ``setup/bench`` measures of our own registry alone."""

import json
import statistics
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from .. import places, python_env
from ..console import run, say, step
from . import PROGRAMS
from .cells import Cell
from .systems import WORKERS, Ours, System
from .tables import ratios

LARGE = 10  #: times as many rows
RESOLVES = 10_000_000  #: IDs looked up while memory is watched
PROFILE_SECONDS = 8
TOP = 14  #: functions that are named
_BULK = Cell("resolve", 1000, 4)

# Rows of which nobody asks, between those that are there: keys as evenly spread as real
# ones, contents of the same size. What is measured is the larger table and its indexes.
FILLER = """
    INSERT INTO g2p_spar_mapping (
           id_type_id, id_key, key_id, sealed, head, id_masked, id_last, fa_key,
           fa_masked, fa_last, account_type_id, strategy_id, fsp_id, fsp_code,
           branch_id, branch_code, channel, state, opened_at)
    SELECT m.id_type_id,
           left(encode(sha256((m.id || 'i' || %(turn)d)::bytea), 'base64'), 43),
           m.key_id, m.sealed, m.head, m.id_masked, m.id_last,
           left(encode(sha256((m.id || 'f' || %(turn)d)::bytea), 'base64'), 43),
           m.fa_masked, m.fa_last, m.account_type_id, m.strategy_id, m.fsp_id,
           m.fsp_code, m.branch_id, m.branch_code, m.channel, m.state, m.opened_at
      FROM g2p_spar_mapping m
     WHERE m.id <= %(last)s AND m.closed_at IS NULL
"""


class Served(NamedTuple):
    """A server of ours that answers already."""

    name: str
    port: int
    root: str = System.root

    def workers(self):
        """Nobody asks how the calls fell on its processes."""
        return []


class LargeOurs(Ours):
    """A copy of our registry with ten times the rows."""

    name = "SPAR, larger"

    def __init__(self, ours, rows):
        ours.stop()
        super().__init__(ours.bench, ours.instance, "bench_large")
        # the originals stay as they are for the runs to come
        ((last,),) = self.query("SELECT max(id) FROM g2p_spar_mapping")
        for turn in range(1, LARGE):
            with step(f"Rows {turn * rows:,} to {(turn + 1) * rows:,}"):
                self.query(FILLER % {"turn": turn, "last": last})
        self.query("VACUUM ANALYZE g2p_spar_mapping")


def compare_sizes(load, ours, given, report):
    """Look-ups in the registry and in one with ten times the rows, in turn."""
    large = LargeOurs(ours, given.rows)
    try:
        ours.start(False)
        large.start(False)
        cells = (_BULK, Cell("resolve", 1, 1))
        runs = load.in_turn(cells, (ours, large), given.rounds)
    finally:
        ours.stop()
        large.drop()
    report.add(f"\n## {given.rows:,} against {given.rows * LARGE:,} rows\n")
    for cell, (small_runs, large_runs) in runs.items():
        report.add(f"- {cell}: {_compared(small_runs, large_runs)} with the larger one")


def compare_servers(load, ours, given, report):
    """The same calls over Odoo's own server and over ``spar_api``, in turn."""
    odoo = Served("Odoo's own server", places.free_port())
    api = Served("spar_api", places.free_port())
    cells = (
        *(Cell("resolve", 1, 1), Cell("resolve", 1, 4), _BULK),
        *(Cell("link", 1, 4), Cell("link", 1000, 4)),
    )
    ours.instance.start(odoo.port, WORKERS, api.port)
    try:
        runs = load.in_turn(cells, (odoo, api), given.rounds)
    finally:
        ours.instance.stop()
    report.add(
        "\n## The API by Odoo's own server and by spar_api, two processes each\n"
    )
    for cell, (by_odoo, by_api) in runs.items():
        report.add(f"- {cell}: {_compared(by_odoo, by_api)} by spar_api")


def _compared(runs, others):
    """How the rates of ``others`` relate to those of ``runs``, in words."""
    found = ratios(others, runs)
    before, after = (statistics.median(run.rate for run in of) for of in (runs, others))
    return (
        f"{before:,.0f} items/s, {after:,.0f} or {statistics.median(found):.2f} times "
        f"that ({min(found):.2f} to {max(found):.2f})"
    )


def watch_memory(load, ours, report):
    """Memory of the processes while IDs are looked up."""
    report.add(f"\n## Memory over {RESOLVES:,} look-ups\n")
    ours.start(False)
    try:
        done, said = 0, 0
        while done < RESOLVES:
            load.prepare(_BULK)
            done += load.run(_BULK, ours).done
            if not said or done - said >= RESOLVES // 10:
                said = done
                sizes = ", ".join(f"{_memory(pid):.0f}" for pid in ours.workers())
                report.add(f"- after {done:,}: {sizes} MB")
    finally:
        ours.stop()


def _memory(pid):
    """Memory that a process shares with nobody, in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    lines = [line.split() for line in text.splitlines() if line.startswith("Private")]
    return sum(int(words[1]) for words in lines) / 1024


def profile(load, ours, report):
    """Where one of our processes spends its time, by function (py-spy)."""
    python = python_env.ensure_peer("profile")
    report.add("\n## Where the time goes, one of two processes\n")
    ours.start(False)
    raw = places.STATE / "bench-profile"
    try:
        for cell in (_BULK, Cell("resolve", 1, 4), Cell("link", 1000, 4)):
            load.prepare(cell)
            load.run(cell, ours)  # warm
            load.prepare(cell)
            watched = subprocess.Popen(
                [python.with_name("py-spy"), "record", "--format", "raw", "--rate"]
                + ["200", "--duration", "600", "--gil", "--output", raw]
                + ["--pid", str(ours.workers()[0])],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(1)
            load.run(cell, ours)
            watched.send_signal(2)
            watched.wait(30)
            report.add(f"\n{cell}, samples with the interpreter lock held:\n")
            for name, share in _hottest(raw.read_text()):
                report.add(f"- {share:.0%} {name}")
    finally:
        ours.stop()


def _hottest(text):
    """Functions by the share of samples in which they were at work themselves."""
    found = Counter()
    for line in text.splitlines():
        stack, _blank, count = line.rpartition(" ")
        name = stack.rpartition(";")[2].rpartition(":")[0] + ")"
        found[name.replace(str(places.ROOT) + "/", "")] += int(count)
    total = sum(found.values()) or 1
    return [(name, count / total) for name, count in found.most_common(TOP)]


def import_rows(ours, given, report):
    """Import a file of as many rows through the backend, with the jobs of one Odoo."""
    log = places.LOGS / "bench-import.json"
    ours.instance.start(ours.port, 2)
    try:
        run(
            [ours.bench.python, PROGRAMS / "mapping_import.py"]
            + [f"http://127.0.0.1:{ours.port}", ours.instance.database]
            + ["--rows", str(given.rows), "--pid", str(ours.instance.running())],
            f"Importing {given.rows:,} rows",
            log,
        )
    finally:
        ours.instance.stop()
    report.add(f"\n## Import of {given.rows:,} rows\n")
    result = json.loads(log.read_text())
    for phase in ("upload", "check", "run"):
        timed = result[phase]
        report.add(
            f"- {phase}: {timed['seconds']:,.0f} s, {timed['rows_per_second']:,} rows/s"
        )
    report.add(f"- most memory of a process: {result['peak_mb']:,} MB")
    say()
