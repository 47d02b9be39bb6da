# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Worker processes are killed in the middle of what they write."""

import random
import threading
import time

import requests
import workers
from support.book import DONE, LINK, UNLINK, UPDATE, Book, at_once, new_ids

CALLERS = 8
ITEMS = 50
KILLS = 8
PAUSE = (0.5, 2.5)  # seconds between two kills


def _work(book, over, random_number):
    """One caller: IDs are linked, changed and removed, in batches, until it is over.

    What has no answer is either sent again until it has, or left and never touched.
    """
    session = requests.Session()
    while not over.is_set():
        ids = new_ids(ITEMS)
        for operation in (LINK, UPDATE, UPDATE, UNLINK, LINK):
            message = book.write(operation, ids)
            if book.send(message, session) != DONE:
                if random_number.random() < 0.5:
                    break
                book.insist(message, session)
            message.assert_done()
            if over.is_set():
                return


def test_killed_worker(spar, carrier):
    # the API server's word for what is done to its workers here
    spar.allow_log(r"_granian: Unexpected exit from worker-\d+\s*$")
    book = Book(carrier)
    over = threading.Event()
    chance = random.Random(17)

    def run(number):
        if number < CALLERS:
            return _work(book, over, random.Random(number))
        try:
            time.sleep(1)
            for _kill in range(KILLS):
                time.sleep(chance.uniform(*PAUSE))
                workers.kill_one_answering(spar.instance, carrier)
            time.sleep(1)
        finally:
            over.set()
        return None

    at_once(CALLERS + 1, run)
    cut = [message for message in book.messages if not message.answered]
    print(book.check(spar))
    # Now they are sent again: what is stored stays as it is, the rest is done.
    for message in cut:
        book.insist(message)
        message.assert_done()
    print(book.check(spar))
    assert book.seen["cut"] >= KILLS / 2, "the kills did not hit anything"
