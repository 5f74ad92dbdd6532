//! Addresses: the last twenty bytes of the hash of a public key, written with a checksum (EIP-55).

use crate::typed::{byte_of, hex, keccak};
use crate::SignerError;
use k256::ecdsa::VerifyingKey;

/// Twenty bytes.
pub type Address = [u8; 20];

pub(crate) fn of_key(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    let hash = keccak(&point.as_bytes()[1..]); // the first byte says only: uncompressed
    let mut address = [0; 20];
    address.copy_from_slice(&hash[12..]);
    address
}

/// As people write it: 0x and hex digits, whose case is a checksum.
pub fn checksummed(address: &Address) -> String {
    let digits = hex(address);
    let hash = keccak(digits.as_bytes());
    let mut text = String::with_capacity(42);
    text.push_str("0x");
    for (place, digit) in digits.chars().enumerate() {
        let half = hash[place / 2] >> (if place % 2 == 0 { 4 } else { 0 }) & 0x0f;
        text.push(if half >= 8 {
            digit.to_ascii_uppercase()
        } else {
            digit
        });
    }
    text
}

/// Reads an address; one of mixed case must have the right checksum.
///
/// # Errors
/// [`SignerError::Address`].
pub fn parse_address(text: &str) -> Result<Address, SignerError> {
    let digits = text
        .strip_prefix("0x")
        .ok_or(SignerError::Address)?
        .as_bytes();
    if digits.len() != 40 {
        return Err(SignerError::Address);
    }
    let mut address = [0; 20];
    for (byte, pair) in address.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = byte_of(pair[0], pair[1]).ok_or(SignerError::Address)?;
    }
    let has = |test: fn(&u8) -> bool| digits.iter().any(test);
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    if is_mixed && checksummed(&address) != text {
        return Err(SignerError::Address);
    }
    Ok(address)
}
