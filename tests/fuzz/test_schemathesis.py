# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Schemathesis makes requests from the description of the API, sound and unsound ones,
and holds every answer against it."""

import os
import subprocess
from pathlib import Path

import pytest

EXAMPLES = 40  # requests per operation and phase
PATIENCE = 600  # seconds


@pytest.mark.parametrize("server", ["base_url", "api_url"])
def test_answers_are_as_described(spar, peer_python, server):
    python = peer_python("schemathesis")
    folder = Path(__file__).parent
    done = subprocess.run(
        [
            python.with_name("schemathesis"),
            "run",
            f"{getattr(spar, server)}/mapper/openapi.json",
            "--checks=all",
            "--phases=examples,coverage,fuzzing",
            f"--max-examples={EXAMPLES}",
            # Threads share a counter of Python 3.11's parser, which Hypothesis uses
            # ("AST constructor recursion depth mismatch").
            "--workers=1",
            "--seed=1",  # the same requests each time
            "--continue-on-failure",
            "--request-timeout=60",  # the machine may be busy
            "--no-color",
        ],
        cwd=spar.log_path.parent if spar.log_path else None,
        env=os.environ
        | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Loaded specification" in done.stdout, done.stdout
