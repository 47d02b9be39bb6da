# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Each addon's own tests, on a database without the addons above it."""

import concurrent.futures
import os
import subprocess

from . import addons, odoo_log, places, templates
from .console import say, step


def run(bench, report, only=None, tag=None):
    """Install each addon alone, without demo data, and run its tests.

    That the installation succeeds proves that the addon's list of dependencies is
    complete. Two addons go at a time where there is a second processor.

    :param bench: the :class:`~.workbench.Workbench`
    :param report: gets one result for each addon
    :param str only: name of the one addon to test
    :param str tag: a test tag, or ``:Class``, ``:Class.method``, ``.method``
    """
    names = [name for name in addons.manifests() if only in (None, name)]
    with places.lock(places.STATE / "lock"):
        bases = {name: templates.foundation(bench, [name]) for name in names}
    together = min(2, os.cpu_count() or 1)
    with (
        step(f"Tests of the addons, {together} at a time"),
        concurrent.futures.ThreadPoolExecutor(together) as pool,
    ):
        # The upper floors take longest; start with them.
        todo = [
            pool.submit(_test, bench, name, bases[name], tag, report)
            for name in reversed(names)
        ]
        for test in concurrent.futures.as_completed(todo):
            test.result()


def _test(bench, name, base, tag, report):
    """Test one addon and report it."""
    instance = bench.scratch(name)
    log = places.LOGS / f"unit-{name}.log"
    instance.copy_from(base)
    instance.configure(places.free_port())
    say(f"    {name} has started; its log is {log}")
    with log.open("wb") as output:
        code = subprocess.run(
            [str(word) for word in instance.command("-i", name, "--stop-after-init")]
            + [f"--test-tags={_tags(name, tag)}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=instance.environment(),
            check=False,
        ).returncode
    instance.drop()
    report.add(name, *_judge(name, code, log.read_text(errors="replace"), tag))


def _tags(name, tag):
    """Narrow Odoo's tests to one addon: ``tag/addon``, or ``/addon:class.method``."""
    if tag and tag[0] in ":.":
        return f"/{name}{tag}"
    return f"{tag or ''}/{name}"


def _judge(name, code, text, tag):
    """How many tests passed, what failed and what was skipped.

    A failing test is an ERROR or a failure's message in the log; those messages are
    what a reader needs, so they are the failures. Without any, the exit code decides.
    """
    failed, total = odoo_log.test_counts(text)
    # Odoo's own summary of failed tests would count them once more.
    failures = odoo_log.problems(text, [odoo_log.SUMMARY])
    if failed > len(failures):
        failures.append(f"{failed} tests failed")
    if code and not failures:
        failures.append(f"Odoo ended with code {code}: {text.strip()[-500:]}")
    if not total and not tag and (places.ROOT / name / "tests").is_dir():
        failures.append("no test has run")
    skips = odoo_log.skips(text)
    # a class that skips itself is not among those that Odoo counted
    counted = [skip for skip in skips if not skip.startswith("setUpClass")]
    # of one test, several parts may have failed
    return max(total - failed - len(counted), 0), failures, skips
