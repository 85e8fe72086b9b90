pub trait Store: ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Documentation stays with the trait.
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    fn len(&self) -> u64 {
        0
    }
}
#[allow(deprecated, improper_ctypes_definitions, trivial_bounds)]
const _: () = {
    use ::lcr::__private as __lcr;
    use __lcr::{RaiseAsErr as _, RaiseAsPanic as _};
    type __LcrResult0 = Option<Vec<u8>>;
    type __LcrResult1 = Result<(), StoreError>;
    const __LCR_METHODS: &'static [__lcr::Method] = &[
        __lcr::Method {
            has_default: false,
            shape: &__lcr::Shape::method(
                "get",
                &[
                    __lcr::Part::of(<&'static str as __lcr::Abi>::SHAPE),
                    __lcr::Part::result(<__LcrResult0 as __lcr::Abi>::SHAPE),
                ],
            ),
        },
        __lcr::Method {
            has_default: false,
            shape: &__lcr::Shape::method(
                "put",
                &[
                    __lcr::Part::of(<&'static str as __lcr::Abi>::SHAPE),
                    __lcr::Part::of(<&'static [u8] as __lcr::Abi>::SHAPE),
                    __lcr::Part::result(<__LcrResult1 as __lcr::Abi>::SHAPE),
                ],
            ),
        },
        __lcr::Method {
            has_default: true,
            shape: &__lcr::Shape::method(
                "len",
                &[__lcr::Part::result(<u64 as __lcr::Abi>::SHAPE)],
            ),
        },
    ];
    unsafe impl __lcr::Interface for dyn Store {
        const NAME: &'static str = "kv.store";
        const VERSION: u32 = 2;
        const REPLACES: &'static [u32] = &[1];
        const DEPS: &'static [__lcr::Need] = &[__lcr::Need::of::<dyn Journal>()];
        const METHODS: &'static [__lcr::Method] = __LCR_METHODS;
        const ENCODED: &'static [u8] = &__lcr::interface_bytes::<
            { __lcr::interface_len("kv.store", 2, __LCR_METHODS) },
        >("kv.store", 2, __LCR_METHODS);
    }
    struct __LcrTable<__LcrT>(::core::marker::PhantomData<__LcrT>);
    impl<__LcrT: Store> __LcrTable<__LcrT>
    where
        StoreError: __lcr::Abi,
    {
        unsafe extern "C" fn get(
            this: *const (),
            a0: __lcr::Repr<&'static str>,
        ) -> __lcr::Outcome<__lcr::Repr<__LcrResult0>> {
            unsafe {
                __lcr::serve(
                    this,
                    |this: &__LcrT| {
                        <__LcrT as Store>::get(this, __lcr::lift::<&'static str>(a0))
                    },
                )
            }
        }
        unsafe extern "C" fn put(
            this: *const (),
            a0: __lcr::Repr<&'static str>,
            a1: __lcr::Repr<&'static [u8]>,
        ) -> __lcr::Outcome<__lcr::Repr<__LcrResult1>> {
            unsafe {
                __lcr::serve(
                    this,
                    |this: &__LcrT| {
                        <__LcrT as Store>::put(
                            this,
                            __lcr::lift::<&'static str>(a0),
                            __lcr::lift::<&'static [u8]>(a1),
                        )
                    },
                )
            }
        }
        unsafe extern "C" fn len(this: *const ()) -> __lcr::Outcome<__lcr::Repr<u64>> {
            unsafe {
                __lcr::serve(this, |this: &__LcrT| { <__LcrT as Store>::len(this) })
            }
        }
    }
    unsafe impl<__LcrT: Store> __lcr::ServedBy<__LcrT> for dyn Store
    where
        StoreError: __lcr::Abi,
    {
        const THUNKS: &'static [__lcr::Thunk] = &[
            __lcr::Thunk::new(__LcrTable::<__LcrT>::get as *const ()),
            __lcr::Thunk::new(__LcrTable::<__LcrT>::put as *const ()),
            __lcr::Thunk::new(__LcrTable::<__LcrT>::len as *const ()),
        ];
    }
    trait __LcrDefaults: Store {
        fn __lcr_default_len(&self) -> u64 {
            0
        }
    }
    impl<__LcrT: Store + ?Sized> __LcrDefaults for __LcrT {}
    #[automatically_derived]
    impl Store for __lcr::Handle<dyn Store>
    where
        StoreError: __lcr::Abi,
    {
        #[inline]
        fn get(&self, key: &str) -> Option<Vec<u8>> {
            match unsafe { __lcr::request(self, 0, (key,)) }.required::<dyn Store>(0) {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(fault) => {
                    (&&__lcr::Tag::<__LcrResult0>::new()).raise(fault)
                }
            }
        }
        #[inline]
        fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
            match unsafe { __lcr::request(self, 1, (key, value)) }
                .required::<dyn Store>(1)
            {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(fault) => {
                    (&&__lcr::Tag::<__LcrResult1>::new()).raise(fault)
                }
            }
        }
        #[inline]
        fn len(&self) -> u64 {
            match unsafe { __lcr::request(self, 2, ()) } {
                __lcr::Answer::Done(value) => value,
                __lcr::Answer::Missing(()) => __LcrDefaults::__lcr_default_len(self),
                __lcr::Answer::Fault(fault) => (&&__lcr::Tag::<u64>::new()).raise(fault),
            }
        }
    }
    #[automatically_derived]
    impl Store for __lcr::Pinned<dyn Store>
    where
        StoreError: __lcr::Abi,
    {
        #[inline]
        fn get(&self, key: &str) -> Option<Vec<u8>> {
            match unsafe { __lcr::request(self, 0, (key,)) }.required::<dyn Store>(0) {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(fault) => {
                    (&&__lcr::Tag::<__LcrResult0>::new()).raise(fault)
                }
            }
        }
        #[inline]
        fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
            match unsafe { __lcr::request(self, 1, (key, value)) }
                .required::<dyn Store>(1)
            {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(fault) => {
                    (&&__lcr::Tag::<__LcrResult1>::new()).raise(fault)
                }
            }
        }
        #[inline]
        fn len(&self) -> u64 {
            match unsafe { __lcr::request(self, 2, ()) } {
                __lcr::Answer::Done(value) => value,
                __lcr::Answer::Missing(()) => __LcrDefaults::__lcr_default_len(self),
                __lcr::Answer::Fault(fault) => (&&__lcr::Tag::<u64>::new()).raise(fault),
            }
        }
    }
};
