//! The words of the enums of `options`: what the table, `FromStr` and `Display` say, once.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use super::{Cgroup, Checks, KillMode, Notify, Recovery, Respawn, SignalTarget, Strays};
use crate::error::{Error, ErrorKind};

macro_rules! words {
    ($($type:ty, $list:literal: $($word:literal = $variant:ident),+;)+) => { $(
        impl $type {
            /// All words of the type, as the text of a refusal lists them.
            pub(crate) const WORDS: &str = $list;
            #[cfg(test)]
            const EACH: &[&str] = &[$($word),+];
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Error::new(ErrorKind::Invalid, format!("{text:?} is unknown; give {}", Self::WORDS))),
                }
            }
        }

        impl Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(match self { $(Self::$variant => $word,)+ })
            }
        }
    )+

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn each_word_is_listed_and_read_and_written() {
                $(
                    assert_eq!(<$type>::EACH.join(", "), <$type>::WORDS.replace(" or ", ", "));
                    for word in <$type>::EACH {
                        assert_eq!(word.parse::<$type>().unwrap().to_string(), *word);
                    }
                    let refusal = "hope".parse::<$type>().unwrap_err();
                    assert_eq!(refusal.to_string(), format!("\"hope\" is unknown; give {}", <$type>::WORDS));
                )+
            }
        }
    };
}

words! {
    Recovery, "restart, always or quit": "restart" = Restart, "always" = Always, "quit" = Quit;
    Checks, "beats or asks": "beats" = Beats, "asks" = Asks;
    Respawn, "fork, exec or exec-after-fault": "fork" = Fork, "exec" = Exec, "exec-after-fault" = ExecAfterFault;
    Strays, "kill or keep": "kill" = Kill, "keep" = Keep;
    Cgroup, "auto, need or off": "auto" = Auto, "need" = Need, "off" = Off;
    KillMode, "group, mixed or main": "group" = Group, "mixed" = Mixed, "main" = Main;
    Notify, "main or group": "main" = Main, "group" = Group;
    SignalTarget, "main or group": "main" = Main, "group" = Group;
}
