//! An order of the second exchange (CLOB V2) as it is signed.

use crate::typed::{digest, hash_words, hex, keccak, number, of_address};
use crate::{Address, Signature, Word};

const DOMAIN: &[u8] =
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const NAME: &[u8] = b"Polymarket CTF Exchange";
const VERSION: &[u8] = b"2";
const ORDER: &[u8] = b"Order(uint256 salt,address maker,address signer,uint256 tokenId,\
uint256 makerAmount,uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,\
bytes32 metadata,bytes32 builder)";

/// Direction, as the contract numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Zero.
    Buy,
    /// One.
    Sell,
}

/// The contract that an order is for; the wrong one makes every signature void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    domain: Word,
    kind: Word,
}

/// What is signed of an order; the maker, unless named, is the signer. The expiry is not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Makes two equal orders different.
    pub salt: u64,
    /// Whose money moves; the signer's own when it is none.
    pub maker: Option<Address>,
    /// Which outcome.
    pub token: Word,
    /// What is given, in millionths.
    pub maker_amount: u64,
    /// What is taken, in millionths.
    pub taker_amount: u64,
    /// Direction.
    pub side: Side,
    /// 0 for a plain key, 1 proxy, 2 safe.
    pub signature_type: u8,
    /// When it was made.
    pub timestamp_ms: u64,
    /// Free.
    pub metadata: Word,
    /// Of whom the venue counts it.
    pub builder: Word,
}

/// An order's id and signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedOrder {
    /// The digest, which is the id at the venue.
    pub id: Word,
    /// Over the id.
    pub signature: Signature,
}

impl SignedOrder {
    /// The id as the venue writes it.
    pub fn id_text(&self) -> String {
        format!("0x{}", hex(&self.id))
    }

    /// The signature as the venue reads it.
    pub fn signature_text(&self) -> String {
        format!("0x{}", hex(&self.signature))
    }
}

impl Exchange {
    /// The exchange of that contract, on that chain.
    pub fn new(chain: u64, contract: &Address) -> Self {
        let domain = hash_words(&[
            keccak(DOMAIN),
            keccak(NAME),
            keccak(VERSION),
            number(u128::from(chain)),
            of_address(contract),
        ]);
        Self {
            domain,
            kind: keccak(ORDER),
        }
    }

    pub(crate) fn digest(&self, order: &Order, signer: &Address) -> Word {
        let side = match order.side {
            Side::Buy => 0,
            Side::Sell => 1,
        };
        let contents = hash_words(&[
            self.kind,
            number(u128::from(order.salt)),
            of_address(order.maker.as_ref().unwrap_or(signer)),
            of_address(signer),
            order.token,
            number(u128::from(order.maker_amount)),
            number(u128::from(order.taker_amount)),
            number(side),
            number(u128::from(order.signature_type)),
            number(u128::from(order.timestamp_ms)),
            order.metadata,
            order.builder,
        ]);
        digest(&self.domain, &contents)
    }
}
