//! The encoding of typed data: words of 32 bytes, hashed with Keccak-256.

use crate::{Address, SignerError};
use sha3::{Digest, Keccak256};

/// 32 bytes, big end first.
pub type Word = [u8; 32];

const AUTH_DOMAIN: &[u8] = b"EIP712Domain(string name,string version,uint256 chainId)";
const AUTH_NAME: &[u8] = b"ClobAuthDomain";
const AUTH_VERSION: &[u8] = b"1";
const AUTH: &[u8] = b"ClobAuth(address address,string timestamp,uint256 nonce,string message)";
const AUTH_MESSAGE: &[u8] = b"This message attests that I control the given wallet";

/// Keccak-256, which is not SHA-3's final padding.
pub fn keccak(bytes: &[u8]) -> Word {
    Keccak256::digest(bytes).into()
}

pub(crate) fn number(value: u128) -> Word {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&value.to_be_bytes());
    word
}

pub(crate) fn of_address(address: &Address) -> Word {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address);
    word
}

/// A decimal number of up to 256 bits, such as a token id.
///
/// # Errors
/// [`SignerError::Number`]: empty, no digits, or too large.
pub fn decimal_word(text: &str) -> Result<Word, SignerError> {
    if text.is_empty() {
        return Err(SignerError::Number);
    }
    let mut word = [0_u8; 32];
    for each in text.bytes() {
        if !each.is_ascii_digit() {
            return Err(SignerError::Number);
        }
        let mut carry = u16::from(each - b'0');
        for byte in word.iter_mut().rev() {
            let value = u16::from(*byte) * 10 + carry;
            *byte = value.to_be_bytes()[1];
            carry = value >> 8;
        }
        if carry != 0 {
            return Err(SignerError::Number);
        }
    }
    Ok(word)
}

pub(crate) fn hash_words(words: &[Word]) -> Word {
    keccak(words.concat().as_slice())
}

/// What is signed: the domain and the struct, behind two bytes that no transaction begins with.
pub(crate) fn digest(domain: &Word, contents: &Word) -> Word {
    let mut bytes = [0_u8; 66];
    bytes[0] = 0x19;
    bytes[1] = 0x01;
    bytes[2..34].copy_from_slice(domain);
    bytes[34..].copy_from_slice(contents);
    keccak(&bytes)
}

pub(crate) fn attestation(chain: u64, address: &Address, timestamp: &str, nonce: u64) -> Word {
    let domain = hash_words(&[
        keccak(AUTH_DOMAIN),
        keccak(AUTH_NAME),
        keccak(AUTH_VERSION),
        number(u128::from(chain)),
    ]);
    let contents = hash_words(&[
        keccak(AUTH),
        of_address(address),
        keccak(timestamp.as_bytes()),
        number(u128::from(nonce)),
        keccak(AUTH_MESSAGE),
    ]);
    digest(&domain, &contents)
}

pub(crate) fn byte_of(high: u8, low: u8) -> Option<u8> {
    let half = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(half(high)? * 16 + half(low)?).ok()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| {
            [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 0x0f)],
            ]
        })
        .map(char::from)
        .collect()
}
