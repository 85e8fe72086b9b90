//! Values and types with `derive(Abi)`.

mod values {
    use std::collections::HashMap;

    #[derive(Clone, Copy, lcr::Abi)]
    #[abi(plain)]
    #[repr(C)]
    pub struct Point {
        pub x: f64,
        pub y: [f32; 2],
    }

    #[derive(lcr::Abi)]
    pub struct Line {
        pub text: String,
    }

    #[lcr::interface(name = "kv", version = 1)]
    pub trait Store {
        fn map(&self) -> lcr::Serde<HashMap<String, u64>>;
        fn slice(&self, points: &[Point]);
        fn vec(&self, lines: Vec<Line>);
    }
}

mod values_shared {
    use std::{
        borrow::Cow,
        collections::{BTreeMap, HashMap},
        sync::Arc,
    };

    #[derive(Clone, lcr::Abi)]
    pub struct Config {
        pub name: String,
    }

    #[lcr::interface(name = "kv", version = 1)]
    pub trait Store {
        fn config(&self) -> Config;
        fn counted(&self, text: Arc<str>, numbers: Arc<[u64]>, point: Arc<super::values::Point>);
        fn shared(&self, text: lcr::Shared<str>) -> lcr::Shared<[super::values::Point]>;
        fn map(&self, by_bits: HashMap<u64, f64>) -> BTreeMap<String, Config>;
        fn entries(&self, map: HashMap<&str, Cow<'_, [u8]>>);
        fn text(&self, text: Cow<'_, str>) -> String;
    }
}

mod values_of_std {
    use std::{
        io,
        ops::Range,
        path::PathBuf,
        time::{Duration, SystemTime},
    };

    #[lcr::interface(name = "clock", version = 1)]
    pub trait Clock {
        fn at(&self, deadline: SystemTime, at_most: Duration);
        fn paths(&self, paths: Vec<PathBuf>);
        fn error(&self, error: io::Error) -> io::Result<()>;
        fn within(&self, range: Range<SystemTime>);
    }
}

mod abi_types {
    #[derive(lcr::Abi)]
    pub struct Unit;

    #[derive(lcr::Abi)]
    pub enum Either<T> {
        A(u8),
        B { value: T },
        Neither,
    }

    const FIRST: i8 = -3;

    #[derive(lcr::Abi)]
    #[repr(i8)]
    pub enum Colour {
        Red = FIRST,
        Green,
        Blue = 7,
    }

    /// A tree as a list of nodes that name each other by index.
    #[derive(lcr::Abi)]
    pub struct Tree {
        pub nodes: Vec<Node>,
    }

    #[derive(lcr::Abi)]
    pub struct Node {
        pub children: Vec<u32>,
        pub r#type: u8,
    }

    #[derive(lcr::Abi)]
    pub struct View<'a, T: Clone, const N: usize>
    where
        T: 'a,
    {
        pub name: &'a str,
        pub values: [T; N],
    }
}

mod abi_fields {
    #[derive(Clone, lcr::Abi)]
    struct Inner<'a, T> {
        text: &'a str,
        value: T,
    }

    #[derive(Clone, Copy, lcr::Abi)]
    struct Code(u8);

    // A private field may have a private type, also in a public struct.
    #[derive(Clone, lcr::Abi)]
    pub struct Outer<'a> {
        inner: Vec<Inner<'a, Code>>,
        code: Code,
    }

    #[derive(Clone, lcr::Abi)]
    enum Choice {
        Inner { code: Code },
        Nothing,
    }
}

mod abi_plain {
    #[derive(Clone, Copy, lcr::Abi)]
    #[abi(plain)]
    #[repr(C)]
    pub struct Pair<T> {
        pub a: T,
        pub b: super::values::Point,
    }
}
