# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The one tree of errors of the whole suite.

Raise them low, translate them once at each border: a screen shows ``message``, an API
turns the class into a status, a job retries only :class:`SparTransientError`.
Messages are safe for users: no ID, account number, token or traceback.
"""


class SparError(Exception):
    """Base of all errors.

    :param str message: a sentence a user may see; carries no personal data
    :param str code: short machine-readable name of the fault
    """

    code = "error"

    def __init__(self, message, code=None):
        super().__init__(message)
        self.message = message
        if code:
            self.code = code


class SparConfigurationError(SparError):
    """An operator must set something right; trying again does not help."""

    code = "configuration"


class SparRejectedError(SparError):
    """The request was understood and refused; the refusal is final."""

    code = "rejected"


class SparTransientError(SparError):
    """Time-out, lock, unreachable peer: the same request may succeed later."""

    code = "transient"


class SparSecurityError(SparError):
    """The caller is not who, where or what it has to be; never retried."""

    code = "security"


class SparIntegrityError(SparError):
    """A stored value is not what the suite stored; somebody has to look into it."""

    code = "integrity"


class AddressError(SparRejectedError):
    """A financial address, or the answers that should make one, are not acceptable.

    :param dict errors: ``{question key: sentence that says what a good answer is}``
    """

    code = "address"

    def __init__(self, errors):
        super().__init__(" ".join(errors.values()))
        self.errors = errors
