//! JSON exactly as `serde_json` writes it without spaces, in half the time.
//!
//! Every decision is written several times over: facts, intents, the venue's changes. Keys and variants are
//! names of our own and need no escaping: each is written where its length is known to the compiler. A text is
//! looked over in one go and is nearly always written as it is.
//! Whatever else there is (floats, bytes, wide numbers) is left to `serde_json`.

#![expect(
    clippy::inline_always,
    reason = "a name's length is known only where it is written, and then it costs a few stores"
)]

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

/// Appends a value.
///
/// # Errors
/// As `serde_json`: a map whose keys are no texts.
pub fn write<T: Serialize + ?Sized>(value: &T, to: &mut Vec<u8>) -> Result<(), Error> {
    value.serialize(Writer { to })
}

struct Writer<'a> {
    to: &'a mut Vec<u8>,
}

fn text(value: &str, to: &mut Vec<u8>) -> Result<(), Error> {
    let is_special = |byte: &u8| matches!(*byte, 0..=0x1f | b'"' | b'\\');
    let bytes = value.as_bytes();
    // Without a way out in the middle many bytes are looked at in one instruction.
    if bytes
        .iter()
        .fold(false, |found, byte| found | is_special(byte))
    {
        return serde_json::to_writer(to, value);
    }
    to.reserve(bytes.len() + 2);
    to.push(b'"');
    to.extend_from_slice(bytes);
    to.push(b'"');
    Ok(())
}

/// A name of our own between quotes.
#[inline(always)]
fn word(name: &'static str, to: &mut Vec<u8>) {
    debug_assert!(
        !name
            .bytes()
            .any(|byte| byte < b' ' || byte == b'"' || byte == b'\\'),
        "a name that needs escaping: {name}"
    );
    to.extend_from_slice(b"\"");
    to.extend_from_slice(name.as_bytes());
    to.extend_from_slice(b"\"");
}

#[inline(always)]
fn key(name: &'static str, to: &mut Vec<u8>) {
    to.reserve(name.len() + 3);
    word(name, to);
    to.extend_from_slice(b":");
}

macro_rules! left_to_serde_json {
    ($($method:ident($kind:ty),)+) => {
        $(fn $method(self, value: $kind) -> Result<(), Error> { serde_json::to_writer(self.to, &value) })+
    };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    left_to_serde_json! {
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i128(i128),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_u128(u128),
        serialize_f32(f32), serialize_f64(f64), serialize_char(char), serialize_bytes(&[u8]),
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.to.extend_from_slice(word);
        Ok(())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        match u8::try_from(value) {
            Ok(digit @ 0..=9) => {
                self.to.push(b'0' + digit);
                Ok(())
            }
            _ => serde_json::to_writer(self.to, &value),
        }
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        text(value, self.to)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.to.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    #[inline(always)]
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        word(variant, self.to);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.to.push(b'{');
        key(variant, self.to);
        value.serialize(Writer { to: &mut *self.to })?;
        self.to.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::begin(self.to, b"[", b"]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::begin(self.to, b"[", b"]"))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(Parts::begin(self.to, b"[", b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, Error> {
        self.to.push(b'{');
        key(variant, self.to);
        Ok(Parts::begin(self.to, b"[", b"]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::begin(self.to, b"{", b"}"))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::begin(self.to, b"{", b"}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, Error> {
        self.to.push(b'{');
        key(variant, self.to);
        Ok(Parts::begin(self.to, b"{", b"}}"))
    }
}

/// What stands between two brackets, with commas.
struct Parts<'a> {
    to: &'a mut Vec<u8>,
    is_first: bool,
    end: &'static [u8],
}

impl<'a> Parts<'a> {
    fn begin(to: &'a mut Vec<u8>, start: &[u8], end: &'static [u8]) -> Self {
        to.extend_from_slice(start);
        Self {
            to,
            is_first: true,
            end,
        }
    }

    fn comma(&mut self) {
        if !self.is_first {
            self.to.push(b',');
        }
        self.is_first = false;
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.comma();
        value.serialize(Writer { to: &mut *self.to })
    }

    #[inline(always)]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.comma();
        key(name, self.to);
        value.serialize(Writer { to: &mut *self.to })
    }

    fn finish(self) {
        self.to.extend_from_slice(self.end);
    }
}

macro_rules! listed {
    ($($of:ident::$method:ident,)+) => {
        $(impl $of for Parts<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        })+
    };
}

listed! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! named {
    ($($of:ident,)+) => {
        $(impl $of for Parts<'_> {
            type Ok = ();
            type Error = Error;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        })+
    };
}

named! { SerializeStruct, SerializeStructVariant, }

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Error> {
        self.comma();
        let at = self.to.len();
        name.serialize(Writer { to: &mut *self.to })?;
        if self.to.get(at) == Some(&b'"') {
            return Ok(());
        }
        Err(serde::ser::Error::custom("a key must be a text"))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.to.push(b':');
        value.serialize(Writer { to: &mut *self.to })
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::write;
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct Pair(i64, bool);

    #[derive(Serialize)]
    struct Wrapped(u32);

    #[derive(Serialize)]
    enum Plain {
        Unit,
        New(i8),
        Tuple(u8, char),
        Fields { one: i64, two: Option<f64> },
    }

    #[derive(Serialize)]
    #[serde(tag = "kind", rename_all = "UPPERCASE")]
    enum Tagged {
        At { level: Option<u64> },
        None,
    }

    #[derive(Serialize)]
    struct All<'a> {
        texts: Vec<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<i64>,
        null: Option<i64>,
        unit: Unit,
        pair: Pair,
        wrapped: Wrapped,
        digits: Vec<i64>,
        plain: Vec<Plain>,
        tagged: [Tagged; 2],
        map: BTreeMap<&'a str, (i64, f64)>,
        nested: Vec<Vec<i128>>,
        empty: BTreeMap<String, i64>,
    }

    fn everything() -> All<'static> {
        All {
            texts: vec![
                "",
                "plain",
                "q\"uote",
                "back\\slash",
                "\n\t\u{1}\u{7f}",
                "grün €",
                "/",
            ],
            left_out: None,
            null: None,
            unit: Unit,
            pair: Pair(i64::MIN, true),
            wrapped: Wrapped(u32::MAX),
            digits: vec![-10, -1, 0, 1, 9, 10, 255, 256],
            plain: vec![
                Plain::Unit,
                Plain::New(-1),
                Plain::Tuple(9, '"'),
                Plain::Fields {
                    one: i64::MAX,
                    two: Some(0.1),
                },
                Plain::Fields { one: 0, two: None },
            ],
            tagged: [Tagged::At { level: Some(1) }, Tagged::None],
            map: BTreeMap::from([("a", (1, f64::NAN)), ("b\"", (-2, 1e300))]),
            nested: vec![vec![], vec![i128::from(i64::MAX) * 4, -1]],
            empty: BTreeMap::new(),
        }
    }

    #[test]
    fn everything_is_written_as_serde_json_writes_it() {
        let mut written = b"before".to_vec();
        write(&everything(), &mut written).unwrap();
        let expected = serde_json::to_string(&everything()).unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            format!("before{expected}")
        );
    }

    #[test]
    fn a_key_that_is_no_text_is_refused() {
        assert!(write(&BTreeMap::from([(Some(()), 1)]), &mut Vec::new()).is_err());
    }
}
