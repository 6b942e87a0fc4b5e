//! Reads the subset of DER that certificates are written in, borrowing from the input.

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
    pub(crate) fn element(&mut self) -> Result<Element<'a>, NotDer> {
        let (&[tag, first], after) = self.rest.split_first_chunk::<2>().ok_or(NotDer)?;
        let (length, after) = match (first, after) {
            (0..=0x7f, _) => (usize::from(first), after),
            (0x81, [byte, after @ ..]) if *byte >= 0x80 => (usize::from(*byte), after),
            (0x82, [high, low, after @ ..]) if *high > 0 => {
                (usize::from(u16::from_be_bytes([*high, *low])), after)
            }
            _ => return Err(NotDer),
        };
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
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, NotDer> {
        self.element().ok().filter(|element| element.tag == tag).ok_or(NotDer)
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, NotDer> {
        if self.rest.first() == Some(&tag) { self.element().map(Some) } else { Ok(None) }
    }

    /// The elements inside the next element, which must have this tag.
    pub(crate) fn inside(&mut self, tag: u8) -> Result<Self, NotDer> {
        Ok(Self::new(self.expect(tag)?.content))
    }

    /// A Boolean whose default is false: present only if true (X.690, 11.1 and 11.5).
    pub(crate) fn flag(&mut self) -> Result<bool, NotDer> {
        match self.optional(BOOLEAN)?.map(|element| element.content) {
            None => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(NotDer),
        }
    }

    /// The content of the next element, a non-negative integer in its shortest form.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], NotDer> {
        match self.expect(INTEGER)?.content {
            [0, next, ..] if *next < 0x80 => Err(NotDer),
            content @ [0..=0x7f, ..] => Ok(content),
            _ => Err(NotDer),
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may follow.
    pub(crate) fn end(self) -> Result<(), NotDer> {
        if self.is_empty() { Ok(()) } else { Err(NotDer) }
    }
}

/// The bytes are not DER, or other elements than expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotDer;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const EXPLICIT_0: u8 = 0xa0;
pub(crate) const EXPLICIT_3: u8 = 0xa3;
const HIGH_TAG: u8 = 0x1f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lengths_of_one_two_and_three_bytes() {
        for (head, length) in
            [(vec![4, 5], 5), (vec![4, 0x81, 200], 200), (vec![4, 0x82, 1, 0], 256)]
        {
            let input = [head, vec![7; length], vec![9]].concat();
            let mut der = Der::new(&input);
            assert_eq!(der.expect(OCTET_STRING).unwrap().content.len(), length);
            assert_eq!(der.end(), Err(NotDer));
        }
    }

    #[test]
    fn refuses_long_indefinite_and_overrunning_lengths_and_high_tags() {
        let refused: [&[u8]; 9] = [
            &[],
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 7],
            &[4, 0x81, 0x80],
            &[4, 0x82, 0, 1, 7],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 1, 7],
        ];
        for input in refused {
            assert!(Der::new(input).element().is_err(), "{input:?}");
        }
    }

    #[test]
    fn refuses_integers_that_are_negative_empty_or_padded() {
        for input in [&[2, 1, 0x80][..], &[2, 0], &[2, 2, 0, 0x7f]] {
            assert_eq!(Der::new(input).unsigned(), Err(NotDer));
        }
        assert_eq!(Der::new(&[2, 2, 0, 0x80]).unsigned(), Ok(&[0, 0x80][..]));
        assert_eq!(Der::new(&[2, 1, 0]).unsigned(), Ok(&[0][..]));
    }

    #[test]
    fn a_written_default_is_not_der() {
        assert_eq!(Der::new(&[1, 1, 0]).flag(), Err(NotDer));
        assert_eq!(Der::new(&[1, 1, 1]).flag(), Err(NotDer));
        assert_eq!(Der::new(&[1, 1, 0xff]).flag(), Ok(true));
        assert_eq!(Der::new(&[4, 0]).flag(), Ok(false));
    }
}
