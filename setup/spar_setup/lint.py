# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Checks that only read the files."""

import subprocess
import xml.etree.ElementTree as ElementTree

from . import addons, places, python_env
from .console import say


def run(python, report):
    """Run every linter over the checkout.

    :param Path python: Python of the environment that has them
    :param report: gets one result for each
    """
    say("» Lint")
    tools = python.parent
    names = list(addons.manifests())
    catalogues = sorted(places.ROOT.glob("*/i18n/*.po*"))
    commands = {
        "ruff check": [
            tools / "ruff",
            "check",
            "--no-cache",
            "--output-format=concise",
            ".",
        ],
        "ruff format": [tools / "ruff", "format", "--no-cache", "--check", "."],
        "pylint-odoo": [tools / "pylint", "--rcfile=.pylintrc-mandatory", *names],
        "oca-checks-odoo-module": [
            *(tools / "oca-checks-odoo-module", "--config=.oca_hooks.cfg"),
            *(f"{name}/__manifest__.py" for name in names),
        ],
    }
    if catalogues:
        commands["oca-checks-po"] = [
            *(tools / "oca-checks-po", "--config=.oca_hooks.cfg"),
            *(path.relative_to(places.ROOT) for path in catalogues),
        ]
    for title, command in commands.items():
        answer = subprocess.run(
            [str(word) for word in command],
            cwd=places.ROOT,
            env=python_env.clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if answer.returncode:
            lines = [line for line in answer.stdout.splitlines() if line.strip()]
            report.add(title, 0, ["\n".join(lines[:60]) or "it failed"])
        else:
            report.add(title, 1)
    broken = list(_broken_xml(names))
    report.add("well-formed XML", 0 if broken else 1, broken)


def _broken_xml(names):
    for name in names:
        for path in sorted((places.ROOT / name).rglob("*.xml")):
            try:
                ElementTree.parse(path)  # noqa: S314 - our own files
            except ElementTree.ParseError as err:
                yield f"{path.relative_to(places.ROOT)}: {err}"
