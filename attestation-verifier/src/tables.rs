//! Errors as tables: each variant beside its words and the number of its check.

/// An enumeration whose words are both its `Display` and its documentation.
macro_rules! worded {
    ($(#[$about:meta])* $name:ident {
        $($(#[$more:meta])* $variant:ident $({ $($field:ident: $type:ty),+ })? $(($of:ty))?,
            $words:literal;)+
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = $words]
                $(#[$more])*
                #[error($words)]
                $variant $({
                    $(#[doc = concat!("`", stringify!($field), "` of the text above.")]
                    $field: $type),+
                })? $(($of))?,
            )+
        }
    };
}

/// The same for names that are read as well as printed: first the methods for the two.
macro_rules! named {
    ($(#[$about:meta])* $name:ident, $print:ident, $read:ident {
        $($(#[$more:meta])* $variant:ident, $words:literal;)+
    }) => {
        worded! { $(#[$about])* $name { $($(#[$more])* $variant, $words;)+ } }

        impl $name {
            /// The name, as it is written.
            #[must_use]
            pub fn $print(self) -> &'static str {
                match self { $(Self::$variant => $words,)+ }
            }

            pub(crate) fn $read(name: &str) -> Option<Self> {
                match name { $($words => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

/// The same for what fails a check of SPEC.md: first its number.
macro_rules! numbered {
    ($(#[$about:meta])* $name:ident {
        $($check:expr => $variant:ident $({ $($field:ident: $type:ty),+ })? $(($inner:ident: $of:ty))?,
            $words:literal;)+
    }) => {
        worded! {
            $(#[$about])* $name { $($variant $({ $($field: $type),+ })? $(($of))?, $words;)+ }
        }

        impl $name {
            /// The number of the check in SPEC.md that failed.
            #[must_use]
            pub fn check(&self) -> u8 {
                match *self {
                    $(Self::$variant $({ $($field),+ })? $(($inner))? => {
                        $($(let _ = $field;)+)?
                        $(let _ = $inner;)?
                        $check
                    })+
                }
            }
        }
    };
}
