# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What came of the runs, as Markdown; on the screen and in .spar/bench."""

import os
import statistics
import time

from ..console import say
from . import RESULTS

HEAD = (
    "| cell | SPAR /s | p50, p95 ms | OpenG2P /s | p50, p95 ms "
    "| ratio of rates (spread) | OpenG2P by one process, by more | ratio of p50 |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|"
)


def ratios(ours, peers):
    """Ratio of the rates in each round: each pair of runs lay side by side."""
    return [our.rate / peer.rate for our, peer in zip(ours, peers, strict=True)]


def line(cell, ours, peers):
    """One line: medians over the rounds, the ratio with its least and greatest."""
    found = ratios(ours, peers)
    our, peer = _middle(ours), _middle(peers)
    return (
        f"| {cell} | {our.rate:,.0f} | {our.p50:.1f}, {our.p95:.1f} "
        f"| {peer.rate:,.0f} | {peer.p50:.1f}, {peer.p95:.1f} "
        f"| **{statistics.median(found):.1f}** ({min(found):.1f} to {max(found):.1f}) "
        f"| {_by_processes(found, peers)} | {our.p50 / peer.p50:.2f} |"
    )


def _by_processes(found, peers):
    """The ratio by how the peer's connections fell, with the number of such rounds:
    whichever process wakes first may take them all, and the other one idles."""
    alone = [ratio for ratio, run in zip(found, peers, strict=True) if run.used < 2]
    shared = [ratio for ratio, run in zip(found, peers, strict=True) if run.used > 1]
    return ", ".join(
        f"{statistics.median(some):.1f} ({len(some)})" if some else "none"
        for some in (alone, shared)
    )


def _middle(runs):
    return type(runs[0])(
        *(statistics.median(values) for values in zip(*runs, strict=True))
    )


class Report:
    """Collects lines and writes them all to one file.

    :param str title: of the whole
    """

    def __init__(self, title):
        RESULTS.mkdir(exist_ok=True)
        self.path = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.md"
        self.lines = []
        self.add(f"# {title}\n")
        load = os.getloadavg()[0]
        self.add(
            f"{os.cpu_count()} processors; load before the run: {load:.1f}. The load "
            f"generator and the database server share them with the system measured.\n"
        )

    def add(self, text):
        """Say it, and keep it."""
        say(text)
        self.lines.append(text)
        self.path.write_text("\n".join(self.lines) + "\n")
