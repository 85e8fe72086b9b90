//! Methods of every kind, whose source text the tests compare with this file.

mod contract;
use contract::{Kinds, Written};

#[derive(Default)]
struct Drawer;

#[rustfmt::skip]
#[lcr::component(name = "kinds", version = "1.0.0")]
impl Kinds for Drawer {
    fn plain(&self) -> u64 {
        // A brace in a comment } and in a text:
        "}".len() as u64 /* and { here */
    }

    /// Says what it is: `ä€𝄞`.
    ///
    /** And in a block. */
    #[inline]
    fn documented(&self, text: &str) -> String {
        format!(r#"{text}: "ä€𝄞" {{}}"#) + "
    over two lines"
    }

    fn one_line(&self) -> u64 { 1 } /* ä */ fn beside(&self) -> u64 { 2 }

    async fn waits(&self, count: u64) -> Result<u64, String> {
        let checked = async { count.checked_add(1).ok_or_else(|| "too many".to_owned()) };
        match checked.await? {
            0 => Err("none".to_owned()),
            sum => Ok(sum),
        }
    }

    fn r#type(&self) -> String {
        format!("{}", <Drawer as Kinds>::plain(self))
    }

	fn tabs(&self) -> u64 {
		3
	}

    #[cfg(any())]
    fn chosen(&self) -> u64 {
        4
    }

    #[cfg(not(any()))]
    fn chosen(&self) -> u64 {
        5
    }

    #[cfg(any())]
    fn never(&self) -> u64 {
        6
    }
}

macro_rules! written {
    ($name:ident, $value:expr) => {
        #[lcr::component(name = "kinds", version = "1.0.0")]
        impl Written for Drawer {
            fn $name(&self) -> u64 {
                $value
            }
        }
    };
}

written!(given, 40 + 2);
