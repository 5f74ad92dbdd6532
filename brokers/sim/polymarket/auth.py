"""Who asks: a wallet by its signature once, and by its key's HMAC ever after."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from brokers.sim.limits import Keys
from brokers.sim.polymarket.errors import Refusal
from brokers.sim.polymarket.signing import check_attest

_L1: Final = "Invalid L1 Request headers"
_L2: Final = "Unauthorized/Invalid api key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a wallet gets for its signature."""

    key: str
    secret: str
    passphrase: str

    def shown(self) -> dict[str, str]:
        """As it is answered."""
        return {"apiKey": self.key, "secret": self.secret, "passphrase": self.passphrase}


class Doors:
    """The keys that have been made; they stay after a reset."""

    def __init__(self, seed: int, address: str, keys: Keys) -> None:
        """No key has been made.

        Args:
            seed: Of the keys' text.
            address: The one wallet that may come in.
            keys: Whether all of them are revoked at present.
        """
        self._seed = seed
        self.address = address
        self._keys = keys
        self._made: dict[int, Credentials] = {}

    def _of(self, nonce: int) -> Credentials:
        root = f"{self._seed}/{self.address}/{nonce}"
        raw = sha256(f"{root}/secret".encode()).digest()
        return Credentials(
            key=str(UUID(bytes=sha256(f"{root}/key".encode()).digest()[:16], version=4)),
            secret=base64.urlsafe_b64encode(raw).decode(),
            passphrase=sha256(f"{root}/passphrase".encode()).hexdigest(),
        )

    def _wallet(self, headers: Mapping[str, str]) -> int:
        """The nonce of a wallet that has signed for itself.

        Raises:
            Refusal: Its headers are incomplete, its signature is another's, or it is a stranger.
        """
        address, timestamp = headers.get("POLY_ADDRESS", ""), headers.get("POLY_TIMESTAMP", "")
        nonce, signature = headers.get("POLY_NONCE", "0"), headers.get("POLY_SIGNATURE", "")
        if not (nonce.isascii() and nonce.isdigit() and timestamp and signature):
            raise Refusal(401, _L1)
        if self._keys.are_revoked or not check_attest(address, timestamp, int(nonce), signature):
            raise Refusal(401, _L1)
        if address.lower() != self.address.lower():
            raise Refusal(400, f"'{address}' address banned")
        return int(nonce)

    def create(self, headers: Mapping[str, str]) -> Credentials:
        """A new key; a second one for the same nonce is refused.

        Raises:
            Refusal: The wallet has not signed, or has this key already.
        """
        nonce = self._wallet(headers)
        if nonce in self._made:
            raise Refusal(400, "Could not create api key")
        return self._made.setdefault(nonce, self._of(nonce))

    def derive(self, headers: Mapping[str, str]) -> Credentials:
        """A key that was made before.

        Raises:
            Refusal: The wallet has not signed, or there is none.
        """
        found = self._made.get(self._wallet(headers))
        if found is None:
            raise Refusal(400, "Could not derive api key!")
        return found

    def listed(self) -> list[str]:
        """The keys of the wallet."""
        return [each.key for each in self._made.values()]

    def delete(self, key: str) -> None:
        """This key is no longer taken."""
        self._made = {nonce: each for nonce, each in self._made.items() if each.key != key}

    def check(self, headers: Mapping[str, str], method: str, path: str, body: bytes) -> str:
        """The key of a request that is signed with its secret.

        Args:
            headers: Of the request.
            method: In capitals.
            path: Without the query.
            body: The very bytes that came.

        Raises:
            Refusal: It is not.
        """
        found = self.known(headers.get("POLY_API_KEY"), headers.get("POLY_PASSPHRASE"))
        address = headers.get("POLY_ADDRESS", "")
        if found is None or address.lower() != self.address.lower():
            raise Refusal(401, _L2)
        said = f"{headers.get('POLY_TIMESTAMP', '')}{method}{path}".encode() + body
        made = hmac.new(base64.urlsafe_b64decode(found.secret), said, sha256).digest()
        if not hmac.compare_digest(_decoded(headers.get("POLY_SIGNATURE", "")), made):
            raise Refusal(401, _L2)
        return found.key

    def known(self, key: object, passphrase: object, secret: object = None) -> Credentials | None:
        """The credentials, if they are taken now; `secret` is compared where it is given."""
        if self._keys.are_revoked:
            return None
        for each in self._made.values():
            if (key, passphrase) == (each.key, each.passphrase) and secret in (None, each.secret):
                return each
        return None


def _decoded(signature: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(signature)
    except (binascii.Error, ValueError):
        return b""
