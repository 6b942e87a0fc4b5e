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

/// The same for what fails a check of SPEC.md: first its number.
macro_rules! numbered {
    ($(#[$about:meta])* $name:ident {
        $($check:expr => $variant:ident $({ $($field:ident: $type:ty),+ })? $(($inner:ident: $of:ty))?,
            $words:literal;)+
    }) => {
        worded! {
            $(#[$about])*
            $name {
                $($variant $({ $($field: $type),+ })? $(($of))?, $words;)+
            }
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
