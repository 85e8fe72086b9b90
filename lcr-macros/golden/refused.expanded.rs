::core::compile_error! {
    "`&mut self` is refused: an instance is shared between threads; take `&self` and use interior mutability (Mutex, atomics)"
}
::core::compile_error! {
    "a generic method is refused: it has no single C function; name a concrete type, or take `lcr::Serde<T>` or bytes"
}
::core::compile_error! {
    "a pattern is refused here: an argument needs a name; take it apart in the body"
}
#[allow(async_fn_in_trait)]
pub trait Store: ::core::marker::Send + ::core::marker::Sync {
    fn get(&mut self, key: &str) -> Option<Vec<u8>>
    where
        Self: ::core::marker::Sized;
    fn put<T>(&self, _: (u8, T))
    where
        Self: ::core::marker::Sized;
}
#[allow(unused_variables, refining_impl_trait)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    unsafe impl __lcr::Interface for dyn Store + '_ {
        const NAME: &'static str = "refused";
        const VERSION: u32 = 1;
        const REPLACES: &'static [u32] = &[];
        const DEPS: &'static [__lcr::Need] = &[];
        const METHODS: &'static [__lcr::Method] = &[];
        const ENCODED: &'static [u8] = &[];
    }
    unsafe impl<
        __LcrT: Store + 'static,
        __LcrA: __lcr::Ambient,
    > __lcr::ServedBy<__LcrT, __LcrA> for dyn Store + '_ {
        const THUNKS: &'static [__lcr::Thunk] = &[];
    }
    impl Store for __lcr::Handle<dyn Store + '_> {
        fn get(&mut self, key: &str) -> Option<Vec<u8>>
        where
            Self: ::core::marker::Sized,
        {
            loop {}
        }
        fn put<T>(&self, _: (u8, T))
        where
            Self: ::core::marker::Sized,
        {
            loop {}
        }
    }
    impl Store for __lcr::Pinned<dyn Store + '_> {
        fn get(&mut self, key: &str) -> Option<Vec<u8>>
        where
            Self: ::core::marker::Sized,
        {
            loop {}
        }
        fn put<T>(&self, _: (u8, T))
        where
            Self: ::core::marker::Sized,
        {
            loop {}
        }
    }
};
::core::compile_error! {
    "there is no key `stateful`; known: `name = \"kv-hash\"`, `version = \"1.2.3\"`, `create = Self::open`, `healthy = Self::check`, `replaces(1, 2)`, `deps(Journal, other::Clock)`, `state = field`, `state_version = 2`, `migrate = Self::migrate`, `downgrade = Self::downgrade`, `downgrades_to(1, 2)`, `incremental = field`, `protected`, `unload`, `cancel`, `runtime = tokio`, `separate`, `crate = other::lcr`"
}
impl Store for HashStore {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        None
    }
}
struct Raw<T>(*const T);
::core::compile_error! {
    "a raw pointer is refused: it says neither who owns nor who frees; pass a value, a slice or `lcr::Bytes`"
}
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    #[automatically_derived]
    unsafe impl<T> __lcr::Abi for Raw<T> {
        type Repr = u8;
        const SHAPE: &'static __lcr::Shape = <() as __lcr::Abi>::SHAPE;
        fn into_repr(self) -> u8 {
            loop {}
        }
        unsafe fn from_repr(_: u8) -> Self {
            loop {}
        }
    }
};
