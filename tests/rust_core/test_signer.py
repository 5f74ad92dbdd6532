"""The signer of Polymarket's orders beside eth-account, which is not ours."""

import pickle
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from rust_core import OrderSigner

CHAIN = 137
EXCHANGE = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK = "0xe2222d279d744050d28e00520010520000310F59"
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first key of every development chain; its money is nobody's."""
OUTCOME = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
ORDER_OF_THE_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FIELDS = [
    ("salt", "uint256"),
    ("maker", "address"),
    ("signer", "address"),
    ("tokenId", "uint256"),
    ("makerAmount", "uint256"),
    ("takerAmount", "uint256"),
    ("side", "uint8"),
    ("signatureType", "uint8"),
    ("timestamp", "uint256"),
    ("metadata", "bytes32"),
    ("builder", "bytes32"),
]
U64 = st.integers(min_value=0, max_value=2**64 - 1)
KEYS = st.integers(min_value=1, max_value=ORDER_OF_THE_CURVE - 1).map(lambda key: f"{key:064x}")


def signer(key: str = KEY) -> OrderSigner:
    return OrderSigner(key, chain=CHAIN, exchange=EXCHANGE, neg_risk_exchange=NEG_RISK)


def reference(key: str, contract: str, order: dict[str, Any]) -> tuple[str, str]:
    """Hash and signature of an order by eth-account."""
    signed = Account.sign_typed_data(
        key,
        {
            "name": "Polymarket CTF Exchange",
            "version": "2",
            "chainId": CHAIN,
            "verifyingContract": contract,
        },
        {"Order": [{"name": name, "type": kind} for name, kind in FIELDS]},
        order,
    )
    return "0x" + signed.message_hash.hex(), "0x" + signed.signature.hex()


@settings(max_examples=100, deadline=None)
@given(
    key=KEYS,
    token=st.integers(min_value=0, max_value=2**256 - 1),
    numbers=st.tuples(U64, U64, U64, U64),
    is_buy=st.booleans(),
    is_neg_risk=st.booleans(),
)
def test_hash_and_signature_of_an_order_are_those_of_another_implementation(
    key: str,
    token: int,
    numbers: tuple[int, int, int, int],
    *,
    is_buy: bool,
    is_neg_risk: bool,
) -> None:
    """BR-1: the order's id is known before it is sent, byte for byte as others compute it."""
    salt, maker_amount, taker_amount, timestamp_ms = numbers
    ours = signer(key)
    signed = ours.order(
        token_id=str(token),
        side="BUY" if is_buy else "SELL",
        maker_amount=maker_amount,
        taker_amount=taker_amount,
        salt=salt,
        timestamp_ms=timestamp_ms,
        is_neg_risk=is_neg_risk,
    )
    order = {
        "salt": salt,
        "maker": ours.address,
        "signer": ours.address,
        "tokenId": token,
        "makerAmount": maker_amount,
        "takerAmount": taker_amount,
        "side": 0 if is_buy else 1,
        "signatureType": 0,
        "timestamp": timestamp_ms,
        "metadata": bytes(32),
        "builder": bytes(32),
    }
    expected = reference(key, NEG_RISK if is_neg_risk else EXCHANGE, order)
    assert (signed.id, signed.signature) == expected


@settings(max_examples=50, deadline=None)
@given(key=KEYS)
def test_a_key_opens_the_address_that_another_implementation_says(key: str) -> None:
    """BR-1: the address that stands in every header."""
    assert signer(key).address == Account.from_key(key).address


@settings(max_examples=50, deadline=None)
@given(key=KEYS, timestamp=st.integers(min_value=0, max_value=2**40), nonce=U64)
def test_the_claim_to_a_wallet_is_signed_as_another_implementation_signs_it(
    key: str, timestamp: int, nonce: int
) -> None:
    """BR-1: API keys are made with it."""
    ours = signer(key)
    message = encode_typed_data(
        {"name": "ClobAuthDomain", "version": "1", "chainId": CHAIN},
        {
            "ClobAuth": [
                {"name": "address", "type": "address"},
                {"name": "timestamp", "type": "string"},
                {"name": "nonce", "type": "uint256"},
                {"name": "message", "type": "string"},
            ]
        },
        {
            "address": ours.address,
            "timestamp": str(timestamp),
            "nonce": nonce,
            "message": "This message attests that I control the given wallet",
        },
    )
    expected = "0x" + Account.sign_message(message, key).signature.hex()
    assert ours.attest(str(timestamp), nonce) == expected


def test_a_fixed_order_keeps_its_id() -> None:
    """BR-1: ids in journals of old versions are found again."""
    signed = signer().order(
        token_id=OUTCOME,
        side="BUY",
        maker_amount=5_000_000,
        taker_amount=10_000_000,
        salt=491_785_927_071,
        timestamp_ms=1_795_203_023_975,
    )
    assert signed.id == "0x6095e9d06d67f65829d2442ca3ed3d83371ddc9fa68f93f67c3ee14a80aa861e"
    assert signed.signature.startswith("0x")


def test_a_signer_shows_its_address_and_never_its_key() -> None:
    """BR-4: not in text, not in a pickle, not in an error."""
    ours = signer()
    assert repr(ours) == f"OrderSigner({ours.address})"
    assert KEY[2:] not in repr(ours) + str(ours)
    with pytest.raises(TypeError):
        pickle.dumps(ours)
    with pytest.raises(ValueError, match="64 hex digits") as refused:
        signer(KEY[:-1])
    assert KEY[2:20] not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"side": "HOLD"}, "side must be one of BUY, SELL"),
        ({"token_id": "0x12"}, "decimal digits"),
        ({"token_id": str(2**256)}, "256 bits"),
        ({"maker": "0x12"}, "40 hex digits"),
    ],
)
def test_what_cannot_be_signed_is_refused_with_what_was_expected(
    changes: dict[str, Any], text: str
) -> None:
    """EX-10: a malformed order dies before the wire."""
    fields: dict[str, Any] = {
        "token_id": "1", "side": "BUY", "maker_amount": 1, "taker_amount": 1, "salt": 1,
        "timestamp_ms": 1,
    }  # fmt: skip
    with pytest.raises(ValueError, match=text):
        signer().order(**{**fields, **changes})
