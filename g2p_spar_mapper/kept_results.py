# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from typing import NamedTuple

from .g2p_connect import status


class _Message(NamedTuple):
    results: list  #: of ``msgspec.Raw``
    places: dict  #: reference id -> places in ``results``


class KeptResults:
    """The results of messages, for one status request: each message is opened and taken
    apart once, however many queries of the request are about it."""

    def __init__(self):
        self._messages = {}  # by id of the transaction; None: not kept any more

    def find(self, transaction, references=None):
        """The results of a message, in its order.

        :param transaction: ``g2p.spar.transaction``
        :param set references: the reference ids that are wanted; by default all
        :return: None when they are not kept any more
        :rtype: list[msgspec.Raw] | None
        """
        if transaction.id not in self._messages:
            self._messages[transaction.id] = self._open(transaction)
        message = self._messages[transaction.id]
        if message is None or references is None:
            return message and message.results
        # goes through the shorter of the two: many more may be asked for than are kept
        wanted = references & message.places.keys()
        places = sorted(place for name in wanted for place in message.places[name])
        return [message.results[place] for place in places]

    @staticmethod
    def _open(transaction):
        operation = transaction.operation
        if answer := transaction._contents("answer"):
            results = status.kept_results(operation, answer)
        elif transaction._is_open():
            results = status.open_results(
                operation, transaction._items(), transaction.state
            )
        else:
            return None
        places = {}
        for place, result in enumerate(results):
            name = status.read_named(result).reference_id
            places.setdefault(name, []).append(place)
        return _Message(results, places)
