//! An interface with types of its own, and macros that declare the interface with changes.

/// Declares a ledger's types and its interface of that name, version 1.
#[macro_export]
macro_rules! ledger_contract {
    (
        interface $name:literal;
        $(#[$attribute:meta])* struct $position:ident { $($position_field:ident: $position_type:ty),* }
        struct $entry:ident { $($entry_field:ident: $entry_type:ty),* }
        enum $state:ident { $($state_variant:tt)* }
        enum $refusal:ident { $($refusal_variant:tt)* }
        $(fn $method:ident(&self $(, $argument:ident: $argument_type:ty)*) $(-> $result:ty)?;)*
    ) => {
        /// The place of an entry.
        #[derive(Clone, Debug, PartialEq, lcr::Abi)]
        $(#[$attribute])*
        #[allow(missing_docs)]
        pub struct $position { $(pub $position_field: $position_type),* }

        /// An entry.
        #[derive(Clone, Debug, PartialEq, lcr::Abi)]
        #[allow(missing_docs)]
        pub struct $entry { $(pub $entry_field: $entry_type),* }

        /// The state of an entry.
        #[derive(Clone, Debug, PartialEq, lcr::Abi)]
        #[allow(missing_docs)]
        pub enum $state { $($state_variant)* }

        /// The reason why there is no entry.
        #[derive(Clone, Copy, Debug, PartialEq, lcr::Abi)]
        #[allow(missing_docs)]
        pub enum $refusal { $($refusal_variant)* }

        /// Entries by number.
        #[lcr::interface(name = $name, version = 1)]
        #[allow(missing_docs)]
        pub trait Ledger {
            $(fn $method(&self $(, $argument: $argument_type)*) $(-> $result)?;)*
        }
    };
}

/// Declares a changed ledger and a component of it that is never called.
#[macro_export]
macro_rules! changed_ledger {
    (
        interface $name:literal;
        $(#[$attribute:meta])* struct $position:ident $position_fields:tt
        struct $entry:ident $entry_fields:tt
        enum $state:ident $state_variants:tt
        enum $refusal:ident $refusal_variants:tt
        $(fn $method:ident(&self $(, $argument:ident: $argument_type:ty)*) $(-> $result:ty)?;)*
    ) => {
        $crate::ledger_contract! {
            interface $name;
            $(#[$attribute])* struct $position $position_fields
            struct $entry $entry_fields
            enum $state $state_variants
            enum $refusal $refusal_variants
            $(fn $method(&self $(, $argument: $argument_type)*) $(-> $result)?;)*
        }

        /// A component that the runtime refuses, so it is never called.
        #[derive(Default)]
        pub struct Changed;

        #[lcr::component(name = "ledger", version = "2.0.0")]
        impl Ledger for Changed {
            $(fn $method(&self $(, $argument: $argument_type)*) $(-> $result)? {
                $(let _ = $argument;)*
                unreachable!("a component of another shape is never called")
            })*
        }
    };
}

ledger_contract! {
    interface "test.ledger";
    struct Position { page: u32, line: u32 }
    struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
    enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
    enum Refusal { Full = 1, Unknown = 2 }
    fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
    fn state(&self, id: u64) -> State;
    fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
    fn key(&self) -> [u8; 16];
}
