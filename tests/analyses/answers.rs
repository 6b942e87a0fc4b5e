//! Every field that an answer of a kind may have, as its type reads it: the type is given a made-up answer, and asks
//! for each of its fields.

use protocol::analysis::Answer;
use serde::{
    Deserialize,
    de::{
        self, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::{Error, StrDeserializer},
    },
};
use std::collections::BTreeMap;

/// What each field holds, in words, by the name of the object: `answer.KIND`, or its type's in small letters.
pub(crate) type Objects = BTreeMap<String, BTreeMap<String, String>>;

/// Every object in an answer of `kind`.
pub(crate) fn objects(kind: &'static str) -> Objects {
    let mut reader = Reader { kind: Some(kind), says: String::new(), objects: Objects::new() };
    Answer::deserialize(&mut reader).unwrap_or_else(|error| panic!("{kind}: {error}"));
    reader.objects
}

/// Gives whatever is asked for, and notes what that was.
struct Reader {
    /// The kind, until the answer's own object is read.
    kind: Option<&'static str>,
    /// What was read last.
    says: String,
    objects: Objects,
}

impl Reader {
    fn say(&mut self, what: &str) {
        what.clone_into(&mut self.says);
    }
}

macro_rules! numbers {
    ($($read:ident => $visit:ident($value:expr), $says:expr;)*) => {$(
        fn $read<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.say($says);
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader {
    type Error = Error;

    numbers! {
        deserialize_bool => visit_bool(false), "true or false";
        deserialize_i32 => visit_i32(0), "whole number";
        deserialize_i64 => visit_i64(0), "whole number";
        deserialize_u8 => visit_u8(0), "whole number";
        deserialize_u32 => visit_u32(0), "whole number";
        deserialize_u64 => visit_u64(0), "whole number";
        deserialize_f64 => visit_f64(0.0), "number";
        deserialize_str => visit_str(""), "text";
        deserialize_string => visit_str(""), "text";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_some(&mut *self)?;
        self.says.push_str(" or null");
        Ok(value)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value =
            visitor.visit_seq(Elements { reader: &mut *self, left: 1, says: Vec::new() })?;
        self.says = format!("list of {}", self.says);
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements { reader: self, left: length, says: Vec::new() })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let name = self.kind.take().map_or_else(|| small(name), |kind| format!("answer.{kind}"));
        let left = fields.iter();
        let mut held = BTreeMap::new();
        let value = visitor.visit_map(Fields { reader: self, left, held: &mut held })?;
        let before = self.objects.insert(name.clone(), held.clone());
        assert!(before.is_none_or(|before| before == held), "two objects are called {name}");
        self.says = format!("`{name}`");
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let first = self.kind.map_or(variants[0], |kind| kind);
        let value = visitor.visit_enum(Variant { reader: &mut *self, name: first })?;
        if !self.says.starts_with("`answer.") {
            self.says = variants.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        }
        Ok(value)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(de::Error::custom("a field that may hold anything"))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u16 u128 f32 char bytes byte_buf unit unit_struct tuple_struct map identifier ignored_any
    }
}

/// The elements of a list.
struct Elements<'r> {
    reader: &'r mut Reader,
    left: usize,
    says: Vec<String>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let value = seed.deserialize(&mut *self.reader)?;
        self.says.push(self.reader.says.clone());
        if self.left == 0 && self.says.len() > 1 {
            self.reader.says = format!("[{}]", self.says.join(", "));
        }
        Ok(Some(value))
    }
}

/// The fields of an object.
struct Fields<'r> {
    reader: &'r mut Reader,
    left: std::slice::Iter<'static, &'static str>,
    held: &'r mut BTreeMap<String, String>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let next = self.left.as_slice().first();
        next.map(|name| seed.deserialize(StrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let name = self.left.next().unwrap();
        let value = seed.deserialize(&mut *self.reader)?;
        self.held.insert((*name).to_owned(), self.reader.says.clone());
        Ok(value)
    }
}

/// One of several.
struct Variant<'r> {
    reader: &'r mut Reader,
    name: &'static str,
}

impl<'de, 'r> EnumAccess<'de> for Variant<'r> {
    type Error = Error;
    type Variant = Inside<'r>;

    fn variant_seed<V: de::DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Inside<'r>), Error> {
        Ok((seed.deserialize(StrDeserializer::new(self.name))?, Inside(self.reader)))
    }
}

/// What one of several holds.
struct Inside<'r>(&'r mut Reader);

impl<'de> VariantAccess<'de> for Inside<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(de::Error::custom("several values without names"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        Err(de::Error::custom("an object in one of several"))
    }
}

/// `CountRange` as `count_range`.
fn small(name: &str) -> String {
    let mut small = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !small.is_empty() {
            small.push('_');
        }
        small.extend(letter.to_lowercase());
    }
    small
}
