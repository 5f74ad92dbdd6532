"""Who we are at the venue: the signer, the keys made with it, and what both sign.

The first level proves the wallet, once, to get keys; the second signs each request with them.
"""

import asyncio
import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import Final

from brokers.credentials import Credentials
from brokers.polymarket.orders import CHAIN, EXCHANGE, NEG_RISK_EXCHANGE
from brokers.polymarket.rules import Rulebook
from brokers.polymarket.words import Keys, malformed
from rust_core import OrderSigner
from trading.errors import SetupError

NONCE: Final = 0
"""Which of a wallet's keys: the first."""
_NS: Final = 1_000_000_000


def signer_of(credentials: Credentials) -> OrderSigner:
    """The signer, whose address must be the one that was named beside the key.

    Raises:
        SetupError: The key is none, or opens another wallet.
    """
    try:
        signer = OrderSigner(
            credentials.secret,
            chain=CHAIN,
            exchange=EXCHANGE,
            neg_risk_exchange=NEG_RISK_EXCHANGE,
        )
    except ValueError as error:
        raise SetupError(f"HOLDFAST_POLYMARKET_PRIVATE_KEY: {error}") from None
    if signer.address.lower() != credentials.key.lower():
        raise SetupError(
            f"HOLDFAST_POLYMARKET_ADDRESS must be that of the private key, {signer.address}; "
            f"it was {credentials.key[:42]}. A wallet that a key only signs for (proxy, Safe, "
            "deposit wallet) is not traded with by this version: take one that is the key's own"
        )
    return signer


@dataclass(slots=True, kw_only=True)
class Session:
    """What all ways to one account share.

    Attributes:
        signer: Signs orders and the claim to the wallet.
        book: The rules of the outcomes.
        keys: Of the second level, None before the venue made them.
        entering: Held by whoever has them made: made twice, the second is refused.
    """

    signer: OrderSigner
    book: Rulebook = field(default_factory=Rulebook)
    keys: Keys | None = field(default=None, repr=False)
    entering: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def owner(self) -> str:
        """Whose orders: the API key; empty before there is one."""
        return "" if self.keys is None else self.keys.api_key

    def first_level(self, now_ns: int) -> dict[str, str]:
        """Headers that prove the wallet."""
        stamp = str(now_ns // _NS)
        return {
            "POLY_ADDRESS": self.signer.address,
            "POLY_SIGNATURE": self.signer.attest(stamp, NONCE),
            "POLY_TIMESTAMP": stamp,
            "POLY_NONCE": str(NONCE),
        }

    def second_level(self, method: str, target: str, body: bytes, now_ns: int) -> dict[str, str]:
        """Headers of one request; its query is not signed.

        Raises:
            MalformedError: The venue's keys are none, or there are none yet.
        """
        keys = self.keys
        if keys is None:
            raise malformed("auth", "API keys before the first request")
        stamp = str(now_ns // _NS)
        path = target.partition("?")[0]
        try:
            secret = base64.urlsafe_b64decode(keys.secret)
        except (binascii.Error, ValueError):
            raise malformed("auth", "a secret in URL-safe base 64") from None
        signed = hmac.new(secret, stamp.encode() + method.encode() + path.encode() + body, "sha256")
        return {
            "POLY_ADDRESS": self.signer.address,
            "POLY_API_KEY": keys.api_key,
            "POLY_PASSPHRASE": keys.passphrase,
            "POLY_TIMESTAMP": stamp,
            "POLY_SIGNATURE": base64.urlsafe_b64encode(signed.digest()).decode(),
        }
