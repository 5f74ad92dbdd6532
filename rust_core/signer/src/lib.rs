//! Signatures of typed data (EIP-712) on secp256k1, as Polymarket's CLOB asks for them.
//!
//! Two things are signed: the claim to a wallet that makes API keys ([`Signer::attest`]) and an order
//! ([`Signer::order`]). An order's digest is its id at the venue, so it is known before anything is sent. Nonces
//! are derived (RFC 6979): the same key and order give the same bytes, in every process.

mod address;
mod order;
mod typed;

pub use address::{checksummed, parse_address, Address};
pub use order::{Exchange, Order, Side, SignedOrder};
pub use typed::{decimal_word, keccak, Word};

use k256::ecdsa::SigningKey;
use std::fmt;
use zeroize::Zeroizing;

/// 65 bytes: r, s, and 27 or 28.
pub type Signature = [u8; 65];

/// Why a key, an address or a number was not taken; no text holds a part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerError {
    /// Not 64 hex digits, or not a number between one and the order of the curve.
    Key,
    /// Not 0x and 40 hex digits, or of mixed case with a wrong checksum.
    Address,
    /// Not a decimal number that 256 bits hold.
    Number,
    /// The curve gave no signature, which happens once in 2^128.
    NotSigned,
}

impl fmt::Display for SignerError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Key => {
                "a private key must be 64 hex digits, with or without 0x, and on the curve"
            }
            Self::Address => {
                "an address must be 0x and 40 hex digits, its mixed case a right checksum"
            }
            Self::Number => "a number must be decimal digits and fit 256 bits",
            Self::NotSigned => "the key could not sign this digest",
        })
    }
}

impl std::error::Error for SignerError {}

/// A private key that signs, does not print, and is overwritten when it is dropped.
pub struct Signer {
    key: SigningKey,
    address: Address,
}

impl fmt::Debug for Signer {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Signer({})", checksummed(&self.address))
    }
}

impl Signer {
    /// From 64 hex digits, with or without 0x.
    ///
    /// # Errors
    /// [`SignerError::Key`]: it is no private key.
    pub fn from_hex(text: &str) -> Result<Self, SignerError> {
        let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
        let mut secret = Zeroizing::new([0_u8; 32]);
        if digits.len() != 64 {
            return Err(SignerError::Key);
        }
        for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = typed::byte_of(pair[0], pair[1]).ok_or(SignerError::Key)?;
        }
        let key = SigningKey::from_slice(&*secret).map_err(|_| SignerError::Key)?;
        let address = address::of_key(key.verifying_key());
        Ok(Self { key, address })
    }

    /// The address that the key opens.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The signature of the claim to this wallet, for API keys (`ClobAuth`).
    ///
    /// # Errors
    /// [`SignerError::NotSigned`].
    pub fn attest(
        &self,
        chain: u64,
        timestamp: &str,
        nonce: u64,
    ) -> Result<Signature, SignerError> {
        self.sign(&typed::attestation(chain, &self.address, timestamp, nonce))
    }

    /// The order's id and its signature.
    ///
    /// # Errors
    /// [`SignerError::NotSigned`].
    pub fn order(&self, at: &Exchange, order: &Order) -> Result<SignedOrder, SignerError> {
        let id = at.digest(order, &self.address);
        let signature = self.sign(&id)?;
        Ok(SignedOrder { id, signature })
    }

    fn sign(&self, digest: &Word) -> Result<Signature, SignerError> {
        let (pair, recovery) = self
            .key
            .sign_prehash_recoverable(digest)
            .map_err(|_| SignerError::NotSigned)?;
        let mut signature = [0_u8; 65];
        signature[..64].copy_from_slice(&pair.to_bytes());
        signature[64] = 27 + recovery.to_byte();
        Ok(signature)
    }
}

#[cfg(test)]
mod tests;
