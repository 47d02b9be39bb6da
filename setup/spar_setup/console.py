# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the person at the keyboard sees: steps, progress, one sentence on failure."""

import contextlib
import errno
import os
import re
import subprocess
import sys
import time

TELL_EVERY = 10  # seconds between two signs of life of a long command

#: What a failing command prints, and what that means for the person who waits.
REASONS = (
    (r"No space left on device", "the disk is full"),
    (
        r"Temporary failure resolving|Could not resolve|Could not connect|"
        r"Failed to establish a new connection|Network is unreachable|"
        r"NameResolutionError|Connection timed out|Cannot initiate the connection|"
        r"Failed to fetch|ProxyError",
        "the network, or the package index, cannot be reached",
    ),
    (r"Permission denied|are you root", "the rights of this user do not suffice"),
)


class Failure(Exception):
    """Ends the run; its text is one sentence that says what to do."""


def say(text=""):
    """Print at once, also when the output is a file."""
    print(text, flush=True)


@contextlib.contextmanager
def step(title):
    """Announce a step; say how long it took if that was worth waiting for."""
    say(f"» {title}")
    start = time.monotonic()
    yield
    seconds = time.monotonic() - start
    if seconds > 2:
        say(f"  done in {seconds:.0f} s")


def run(command, title, log, measure=None, explain=None, **options):
    """Run a long command: output into a file, a sign of life now and then.

    :param list command: program and arguments
    :param str title: what is being done, as a noun: "the download of Odoo 19"
    :param Path log: gets the whole output
    :param measure: function that returns how far it got, else the last line is shown
    :param explain: function that finds the reason of a failure in the log
    :param options: passed on to ``subprocess.Popen`` (env, cwd, user, ...)
    :raise Failure: the command could not start or returned non-zero
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    start = told = time.monotonic()
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **options,
            )
        except OSError as err:
            raise Failure(f"Cannot start {command[0]}: {err.strerror}.") from err
        try:
            while process.poll() is None:
                time.sleep(0.2)
                now = time.monotonic()
                if now - told >= TELL_EVERY:
                    told = now
                    far = measure() if measure else last_line(log)
                    say(f"    {now - start:4.0f} s  {far[:100] or title}")
        finally:
            if process.poll() is None:  # interrupted: leave no orphan behind
                process.terminate()
                process.wait()
    if process.returncode:
        raise Failure(
            f"{title} failed: {(explain or reason)(log)} (all of it in {log})."
        )


def last_line(log):
    """The last line of a log that says anything; pip's warnings say nothing."""
    lines = log.read_text(errors="replace").splitlines()
    telling = (line.strip() for line in reversed(lines))
    said = (line for line in telling if line and not line.startswith("WARNING:"))
    return next(said, "")


def reason(log):
    """Why the command that wrote this log failed, in a few words."""
    text = log.read_text(errors="replace")
    for pattern, meaning in REASONS:
        if re.search(pattern, text):
            return meaning
    errors = re.findall(r"^(?:E:|ERROR:|error:).*$", text, re.MULTILINE)
    return (errors[-1] if errors else last_line(log)).rstrip(".")


def main(program, function):
    """Run ``function`` and turn every expected trouble into one sentence."""
    try:
        sys.exit(function())
    except KeyboardInterrupt:
        sys.exit(f"{program}: interrupted.")
    except Failure as err:
        sys.exit(f"{program}: {err}")
    except OSError as err:
        if err.errno not in (errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        where = f" ({err.filename})" if err.filename else ""
        sys.exit(f"{program}: {os.strerror(err.errno)}{where}.")
