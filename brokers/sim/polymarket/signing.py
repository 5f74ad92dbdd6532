"""Signatures and hashes, by eth-account: an implementation that is not ours.

The adapter has its own in Rust; nothing of it is used here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from trading.errors import SetupError

if TYPE_CHECKING:
    from eth_account.messages import SignableMessage

CHAIN_ID: Final = 137
EXCHANGE: Final = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE: Final = "0xe2222d279d744050d28e00520010520000310F59"
NEG_RISK_ADAPTER: Final = "0xd91E80cF2E7be2e162c6513ceD06f1dD0dA35296"
_ATTEST: Final = "This message attests that I control the given wallet"
_ORDER: Final = [
    {"name": "salt", "type": "uint256"},
    {"name": "maker", "type": "address"},
    {"name": "signer", "type": "address"},
    {"name": "tokenId", "type": "uint256"},
    {"name": "makerAmount", "type": "uint256"},
    {"name": "takerAmount", "type": "uint256"},
    {"name": "side", "type": "uint8"},
    {"name": "signatureType", "type": "uint8"},
    {"name": "timestamp", "type": "uint256"},
    {"name": "metadata", "type": "bytes32"},
    {"name": "builder", "type": "bytes32"},
]
_AUTH: Final = [
    {"name": "address", "type": "address"},
    {"name": "timestamp", "type": "string"},
    {"name": "nonce", "type": "uint256"},
    {"name": "message", "type": "string"},
]


@dataclass(frozen=True, slots=True)
class Wallet:
    """The one wallet that has money here; its key is made from the seed and protects nothing."""

    address: str
    private_key: str


def wallet_of(seed: int) -> Wallet:
    """The venue's own client.

    Raises:
        SetupError: The packages of the extra `venue` are not installed.
    """
    try:
        from eth_account import Account  # noqa: PLC0415 - an extra that other venues do without
    except ImportError as error:
        raise SetupError(
            "the simulated Polymarket verifies signatures with eth-account, which is not "
            "installed: pip install 'holdfast[venue]'"
        ) from error
    key = "0x" + sha256(f"holdfast's simulated wallet {seed}".encode()).hexdigest()
    return Wallet(address=str(Account.from_key(key).address), private_key=key)


def _order_message(order: Mapping[str, Any], *, is_neg_risk: bool) -> "SignableMessage":
    from eth_account.messages import encode_typed_data  # noqa: PLC0415 - see wallet_of

    domain = {
        "name": "Polymarket CTF Exchange",
        "version": "2",
        "chainId": CHAIN_ID,
        "verifyingContract": NEG_RISK_EXCHANGE if is_neg_risk else EXCHANGE,
    }
    return encode_typed_data(domain, {"Order": _ORDER}, dict(order))


def check_order(order: Mapping[str, Any], signature: str, *, is_neg_risk: bool) -> tuple[str, str]:
    """The id of an order and who has signed it.

    Args:
        order: The eleven fields that are signed, as numbers, addresses and bytes.
        signature: 65 bytes in hex.
        is_neg_risk: Which exchange's domain it must be signed for.

    Returns:
        The EIP-712 digest, and the address; "" where the signature is none.
    """
    from eth_utils.crypto import keccak  # noqa: PLC0415 - see wallet_of

    message = _order_message(order, is_neg_risk=is_neg_risk)
    digest = keccak(b"\x19" + message.version + message.header + message.body)
    return "0x" + digest.hex(), _recovered(message, signature)


def check_attest(address: str, timestamp: str, nonce: int, signature: str) -> bool:
    """Whether the wallet itself asks for its keys."""
    from eth_account.messages import encode_typed_data  # noqa: PLC0415 - see wallet_of

    domain = {"name": "ClobAuthDomain", "version": "1", "chainId": CHAIN_ID}
    asked = {"address": address, "timestamp": timestamp, "nonce": nonce, "message": _ATTEST}
    try:
        message = encode_typed_data(domain, {"ClobAuth": _AUTH}, asked)
    except (ValueError, TypeError):
        return False
    return _recovered(message, signature).lower() == address.lower()


def _recovered(message: "SignableMessage", signature: str) -> str:
    from eth_account import Account  # noqa: PLC0415 - see wallet_of
    from eth_keys.exceptions import BadSignature  # noqa: PLC0415 - see wallet_of
    from eth_utils.exceptions import ValidationError  # noqa: PLC0415 - see wallet_of

    try:
        return str(Account.recover_message(message, signature=bytes.fromhex(signature[2:])))
    except (ValueError, TypeError, BadSignature, ValidationError):
        return ""
