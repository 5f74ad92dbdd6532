//! Published examples, and the edges of what is read.

use super::*;

const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const ADDRESS: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

#[test]
fn keccak_of_nothing_is_the_published_hash() {
    let expected = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
    assert_eq!(typed::hex(&keccak(b"")), expected);
}

#[test]
fn a_well_known_key_opens_its_well_known_address() {
    let signer = Signer::from_hex(KEY).unwrap();
    assert_eq!(checksummed(&signer.address()), ADDRESS);
    assert_eq!(format!("{signer:?}"), format!("Signer({ADDRESS})"));
}

#[test]
fn what_is_no_key_is_refused() {
    let order_of_the_curve = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for text in [
        "",
        "0x",
        "00",
        &"0".repeat(64),
        &"g".repeat(64),
        order_of_the_curve,
    ] {
        assert_eq!(
            Signer::from_hex(text).err(),
            Some(SignerError::Key),
            "{text}"
        );
    }
}

#[test]
fn an_address_of_mixed_case_needs_its_checksum() {
    let lower = ADDRESS.to_lowercase();
    assert_eq!(parse_address(ADDRESS), parse_address(&lower));
    let wrong = ADDRESS.replace("Fd6e", "fD6e");
    assert_eq!(parse_address(&wrong), Err(SignerError::Address));
    assert_eq!(parse_address(&ADDRESS[2..]), Err(SignerError::Address));
    assert_eq!(parse_address("0x12"), Err(SignerError::Address));
}

#[test]
fn numbers_are_read_to_256_bits_and_not_further() {
    let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    let beyond = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    assert_eq!(decimal_word(largest), Ok([0xff; 32]));
    assert_eq!(decimal_word(beyond), Err(SignerError::Number));
    assert_eq!(decimal_word("258").unwrap()[30..], [1, 2]);
    assert_eq!(decimal_word(""), Err(SignerError::Number));
    assert_eq!(decimal_word("-1"), Err(SignerError::Number));
}

#[test]
fn the_same_order_has_the_same_bytes_and_another_exchange_another_id() {
    let signer = Signer::from_hex(KEY).unwrap();
    let order = Order {
        salt: 1,
        maker: None,
        token: decimal_word("7132").unwrap(),
        maker_amount: 5_000_000,
        taker_amount: 10_000_000,
        side: Side::Buy,
        signature_type: 0,
        timestamp_ms: 1_795_203_023_975,
        metadata: [0; 32],
        builder: [0; 32],
    };
    let plain = Exchange::new(137, &[1; 20]);
    let once = signer.order(&plain, &order).unwrap();
    assert_eq!(once, signer.order(&plain, &order).unwrap());
    assert_eq!(once.id_text().len(), 66);
    assert_eq!(once.signature_text().len(), 132);
    let other = Exchange::new(137, &[2; 20]);
    assert_ne!(once.id, signer.order(&other, &order).unwrap().id);
    let sold = Order {
        side: Side::Sell,
        ..order
    };
    assert_ne!(once.id, signer.order(&plain, &sold).unwrap().id);
}
