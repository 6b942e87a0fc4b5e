//! The fields that a kind's job may have, found by letting its own type be read: whoever shows a form needs no list of
//! them beside the type.

use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor,
    },
    forward_to_deserialize_any,
};
use std::{cell::RefCell, fmt};

/// What may stand at a place of a job.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever draws a form must see a new one")]
pub enum Shape {
    /// Words.
    Text,
    /// A whole number.
    Whole,
    /// Any number.
    Number,
    /// Yes or no.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Several of one shape.
    List(Box<Self>),
    /// So many of one shape.
    Exactly(usize, Box<Self>),
    /// Names that the asker chooses, each with one of a shape.
    Named(Box<Self>),
    /// A table with these fields.
    Table(Vec<Field>),
    /// Anything: the field is there so that it can be refused by its name.
    Anything,
}

impl Shape {
    /// Whether a field of this name may stand here, or anywhere below.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Table(fields) => {
                fields.iter().any(|field| field.name == name || field.shape.has(name))
            }
            Self::List(of) | Self::Exactly(_, of) | Self::Named(of) => of.has(name),
            Self::Text
            | Self::Whole
            | Self::Number
            | Self::Flag
            | Self::OneOf(_)
            | Self::Anything => false,
        }
    }
}

/// A field of a table.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws a form must see a new part")]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
}

/// The shape of `T`.
pub(crate) fn of<T: DeserializeOwned>() -> Shape {
    let found = Slot::default();
    // What is read is of no interest, nor whether it holds together: what was asked for on the way is.
    drop(T::deserialize(Probe(&found)));
    found.into_inner().unwrap_or(Shape::Anything)
}

/// Where a probe leaves what it was asked for.
type Slot = RefCell<Option<Shape>>;

/// Gives whatever it is asked for, the least that there is, and notes what it was.
struct Probe<'s>(&'s Slot);

impl Probe<'_> {
    fn is(&self, shape: Shape) {
        *self.0.borrow_mut() = Some(shape);
    }

    /// Notes a shape around another one, which `read` finds.
    fn around<V>(
        &self,
        shape: impl FnOnce(Box<Shape>) -> Shape,
        read: impl FnOnce(&Slot) -> Result<V, Unread>,
    ) -> Result<V, Unread> {
        let inner = Slot::default();
        let value = read(&inner);
        self.is(shape(Box::new(inner.into_inner().unwrap_or(Shape::Anything))));
        value
    }
}

/// Notes a shape and gives a value of it.
macro_rules! plain {
    ($($asked:ident: $shape:expr => $visit:ident($value:expr);)*) => {
        $(fn $asked<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
            self.is($shape);
            visitor.$visit($value)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Unread;

    plain! {
        deserialize_any: Shape::Anything => visit_bool(false);
        deserialize_bool: Shape::Flag => visit_bool(false);
        deserialize_u8: Shape::Whole => visit_u64(1);
        deserialize_u16: Shape::Whole => visit_u64(1);
        deserialize_u32: Shape::Whole => visit_u64(1);
        deserialize_u64: Shape::Whole => visit_u64(1);
        deserialize_i8: Shape::Whole => visit_i64(1);
        deserialize_i16: Shape::Whole => visit_i64(1);
        deserialize_i32: Shape::Whole => visit_i64(1);
        deserialize_i64: Shape::Whole => visit_i64(1);
        deserialize_f32: Shape::Number => visit_f64(1.0);
        deserialize_f64: Shape::Number => visit_f64(1.0);
        deserialize_str: Shape::Text => visit_str("");
        deserialize_string: Shape::Text => visit_str("");
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.around(Shape::List, |slot| visitor.visit_seq(Times { left: 1, slot }))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        let shape = |inner| Shape::Exactly(length, inner);
        self.around(shape, |slot| visitor.visit_seq(Times { left: length, slot }))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.around(Shape::Named, |slot| visitor.visit_map(OneName { is_read: false, slot }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        let fields = RefCell::default();
        let value = visitor.visit_map(Fields { left: names.iter(), next: None, fields: &fields });
        self.is(Shape::Table(fields.into_inner()));
        value
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.is(Shape::OneOf(words));
        let first = words.first().copied().unwrap_or_default();
        visitor.visit_enum(first.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

/// A list of so many, each of which leaves its shape in one slot.
struct Times<'s> {
    left: usize,
    slot: &'s Slot,
}

impl<'de> SeqAccess<'de> for Times<'_> {
    type Error = Unread;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unread> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Probe(self.slot)).map(Some)
    }
}

/// A table with one name that nobody chose.
struct OneName<'s> {
    is_read: bool,
    slot: &'s Slot,
}

impl<'de> MapAccess<'de> for OneName<'_> {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unread> {
        if std::mem::replace(&mut self.is_read, true) {
            return Ok(None);
        }
        seed.deserialize("name".into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unread> {
        seed.deserialize(Probe(self.slot))
    }
}

/// Every field of a table, one after the other.
struct Fields<'s> {
    left: std::slice::Iter<'static, &'static str>,
    next: Option<&'static str>,
    fields: &'s RefCell<Vec<Field>>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unread> {
        self.next = self.left.next().copied();
        self.next.map(|name| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unread> {
        let slot = Slot::default();
        let value = seed.deserialize(Probe(&slot));
        let shape = slot.into_inner().unwrap_or(Shape::Anything);
        self.fields.borrow_mut().extend(self.next.map(|name| Field { name, shape }));
        value
    }
}

/// What a type says of a value that it does not take. Nobody reads it.
#[derive(Debug)]
struct Unread;

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not read")
    }
}

impl std::error::Error for Unread {}

impl de::Error for Unread {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        TwoSided,
        Less,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Inner {
        share: Option<BTreeMap<String, f64>>,
        between: Option<[f64; 2]>,
        strange: Option<toml::Value>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Outer {
        word: Option<Word>,
        #[serde(default, rename = "inner")]
        inners: Vec<Inner>,
        names: Vec<String>,
        most: u32,
        is_open: Option<bool>,
    }

    #[test]
    fn a_shape_is_what_the_type_asks_for() {
        let field = |name, shape| Field { name, shape };
        let boxed = Box::new;
        let inner = Shape::Table(vec![
            field("share", Shape::Named(boxed(Shape::Number))),
            field("between", Shape::Exactly(2, boxed(Shape::Number))),
            field("strange", Shape::Anything),
        ]);
        let outer = Shape::Table(vec![
            field("word", Shape::OneOf(&["two_sided", "less"])),
            field("inner", Shape::List(boxed(inner))),
            field("names", Shape::List(boxed(Shape::Text))),
            field("most", Shape::Whole),
            field("is_open", Shape::Flag),
        ]);
        assert_eq!(of::<Outer>(), outer);
    }

    /// What a type refuses does not hide the fields after it.
    #[test]
    fn every_kind_has_a_shape_with_a_price() {
        for kind in crate::analysis::KINDS {
            let Some(Shape::Table(fields)) = crate::analysis::shape(kind.kind) else {
                panic!("{} has no table", kind.kind)
            };
            let privacy = fields.iter().find(|field| field.name == "privacy").unwrap();
            let Shape::Table(privacy) = &privacy.shape else { panic!("{}", kind.kind) };
            assert!(privacy.iter().any(|field| field.name == "epsilon"), "{}", kind.kind);
            assert!(
                fields.iter().all(|field| field.shape != Shape::Anything || kind.kind == "lift")
            );
        }
    }
}
