//! Reads the subset of DER that certificates are written in, borrowing from the input.

use crate::CertificateFlaw::{self, NotDer};

/// A cursor over DER elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Der<'a> {
    rest: &'a [u8],
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
}

impl<'a> Der<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// The next element: a one-byte tag and a definite length in its shortest form (X.690, 10.1).
    pub(crate) fn element(&mut self) -> Result<Element<'a>, CertificateFlaw> {
        let (&[tag, first], after) = self.rest.split_first_chunk::<2>().ok_or(NotDer)?;
        let (length, after) = match (first, after) {
            (0..=0x7f, _) => (u32::from(first), after),
            (0x81, [byte @ 0x80..=0xff, after @ ..]) => (u32::from(*byte), after),
            (0x82, [a @ 1..=0xff, b, after @ ..]) => (u32::from_be_bytes([0, 0, *a, *b]), after),
            (0x83, [a @ 1..=0xff, b, c, after @ ..]) => {
                (u32::from_be_bytes([0, *a, *b, *c]), after)
            }
            _ => return Err(NotDer),
        };
        let length = usize::try_from(length).map_err(|_| NotDer)?;
        let (content, rest) = after.split_at_checked(length).ok_or(NotDer)?;
        let read = self.rest.len() - rest.len();
        let whole = self.rest.get(..read).ok_or(NotDer)?;
        if tag & HIGH_TAG == HIGH_TAG {
            return Err(NotDer);
        }
        self.rest = rest;
        Ok(Element { tag, content, whole })
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, CertificateFlaw> {
        self.element().ok().filter(|element| element.tag == tag).ok_or(NotDer)
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, CertificateFlaw> {
        if self.rest.first() == Some(&tag) { self.element().map(Some) } else { Ok(None) }
    }

    /// The elements inside the next element, which must have this tag.
    pub(crate) fn inside(&mut self, tag: u8) -> Result<Self, CertificateFlaw> {
        Ok(Self::new(self.expect(tag)?.content))
    }

    /// A Boolean whose default is false: present only if true (X.690, 11.1 and 11.5).
    pub(crate) fn flag(&mut self) -> Result<bool, CertificateFlaw> {
        match self.optional(BOOLEAN)?.map(|element| element.content) {
            None => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(NotDer),
        }
    }

    /// The content of the next element, a non-negative integer in its shortest form.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], CertificateFlaw> {
        match self.expect(INTEGER)?.content {
            [0, next, ..] if *next < 0x80 => Err(NotDer),
            content @ [0..=0x7f, ..] => Ok(content),
            _ => Err(NotDer),
        }
    }

    /// The content of the next element, an object identifier: each part of it ends, and begins with
    /// no empty digit (X.690, 8.19.2).
    pub(crate) fn identifier(&mut self) -> Result<&'a [u8], CertificateFlaw> {
        let content = self.expect(OBJECT_IDENTIFIER)?.content;
        let mut parts = content.split_inclusive(|byte| *byte < 0x80);
        let ends = content.last().is_some_and(|last| *last < 0x80);
        if ends && parts.all(|part| part.first() != Some(&0x80)) {
            Ok(content)
        } else {
            Err(NotDer)
        }
    }

    /// Reads everything that is left, which must be something.
    pub(crate) fn each(
        mut self,
        mut read: impl FnMut(&mut Self) -> Result<(), CertificateFlaw>,
    ) -> Result<(), CertificateFlaw> {
        loop {
            read(&mut self)?;
            if self.is_empty() {
                return Ok(());
            }
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may follow.
    pub(crate) fn end(self) -> Result<(), CertificateFlaw> {
        if self.is_empty() { Ok(()) } else { Err(NotDer) }
    }
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const EXPLICIT_0: u8 = 0xa0;
pub(crate) const EXPLICIT_3: u8 = 0xa3;
const HIGH_TAG: u8 = 0x1f;

#[cfg(test)]
mod tests;
