//! A safe of one object behind two interfaces, of which one declares the state.

/// A component `safe` of version `$version`, with what each of its implementations declares.
macro_rules! safe {
    ($version:literal, front { $($front:tt)* }, back { $($back:tt)* }) => {
        /// Points into the image that put it there.
        #[derive(lcr::Layout)]
        pub struct Text(&'static str);

        /// Keeps texts.
        #[derive(Default)]
        pub struct Safe {
            texts: lcr::State<Vec<Text>>,
            counts: lcr::State<Vec<u64>>,
        }

        #[lcr::component(name = "safe", version = $version, unload, $($front)*)]
        impl lcr_tests::safe::Front for Safe {
            fn put(&self) -> u64 {
                let mut texts = self.texts.write();
                texts.push(Text(concat!("a text of version ", $version)));
                self.counts.write().push(texts.len() as u64);
                texts.len() as u64
            }
        }

        #[lcr::component(name = "safe", version = $version, unload, $($back)*)]
        impl lcr_tests::safe::Back for Safe {
            fn texts(&self) -> Vec<String> {
                self.texts.read().iter().map(|text| text.0.to_owned()).collect()
            }
            fn counts(&self) -> Vec<u64> {
                self.counts.read().clone()
            }
        }
    };
}
