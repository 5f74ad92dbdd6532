"""Tradier's order tag: our client order id in letters, digits and hyphens.

The venue refuses a real order for an underscore in its tag, and never shortens one. An id is
written letter by letter; `Z` and everything the grammar lacks become `Z` and two hexadecimal digits
per byte, so that each id has one tag and each such tag one id.
"""

import re
from typing import Final

from brokers.base import CannotPrepareError

TAG_MAX: Final = 255
_PLAIN: Final = re.compile(r"[A-Ya-z0-9-]")
_ESCAPED: Final = re.compile(r"Z([0-9A-F]{2})")
_TAG: Final = re.compile(r"(?:[A-Ya-z0-9-]|Z[0-9A-F]{2})+\Z")


def tag_of(client_order_id: str) -> str:
    """The tag of an id.

    Raises:
        CannotPrepareError: It would be empty, or longer than the venue takes.
    """
    letters = (
        each if _PLAIN.match(each) else "".join(f"Z{byte:02X}" for byte in each.encode())
        for each in client_order_id
    )
    tag = "".join(letters)
    if not 0 < len(tag) <= TAG_MAX:
        raise CannotPrepareError(
            f"the client order id must make a tag of 1 to {TAG_MAX} characters, made {len(tag)}: "
            "shorten the names of account, strategy or setup"
        )
    return tag


def id_of(tag: str) -> str:
    """The id that a tag stands for; a tag that is not of our making stands for itself."""
    if _TAG.match(tag) is None:
        return tag
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), tag)
    try:
        found = plain.encode("latin-1").decode()
        return found if tag_of(found) == tag else tag
    except (UnicodeDecodeError, CannotPrepareError):
        return tag
