pub trait Store: ::core::marker::Send + ::core::marker::Sync {
    /// Documentation stays with the trait.
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    fn len(&self) -> u64 {
        0
    }
}
#[allow(deprecated, improper_ctypes_definitions)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    use __lcr::{RaiseAsErr as _, RaiseAsPanic as _, Unbounded as _, Unproven as _};
    type _ResultsOwnTheirData = (Option<Vec<u8>>, Result<(), StoreError>);
    const __LCR_METHODS: &'static [__lcr::Method] = &[
        __lcr::Method::new(
                false,
                &__lcr::Shape::method(
                    "get",
                    &[
                        __lcr::Part::of(<&str as __lcr::Abi>::SHAPE),
                        __lcr::Part::result(<Option<Vec<u8>> as __lcr::Abi>::SHAPE),
                    ],
                ),
            )
            .with_arguments(&["key"]),
        __lcr::Method::new(
                false,
                &__lcr::Shape::method(
                    "put",
                    &[
                        __lcr::Part::of(<&str as __lcr::Abi>::SHAPE),
                        __lcr::Part::of(<&[u8] as __lcr::Abi>::SHAPE).secret(),
                        __lcr::Part::result(
                            <Result<(), StoreError> as __lcr::Abi>::SHAPE,
                        ),
                    ],
                ),
            )
            .with_arguments(&["key", "value"]),
        __lcr::Method::new(
                true,
                &__lcr::Shape::method(
                    "len",
                    &[__lcr::Part::result(<u64 as __lcr::Abi>::SHAPE)],
                ),
            )
            .pure(),
    ];
    const __LCR_CROSSINGS: &'static [::core::option::Option<&'static __lcr::Crossing>] = &[
        __lcr::crossing::<
            (<&str as __lcr::Abi>::Repr,),
            <Option<Vec<u8>> as __lcr::Abi>::Repr,
        >(),
        __lcr::crossing::<
            (<&str as __lcr::Abi>::Repr, <&[u8] as __lcr::Abi>::Repr),
            <Result<(), StoreError> as __lcr::Abi>::Repr,
        >(),
        __lcr::crossing::<(), <u64 as __lcr::Abi>::Repr>(),
    ];
    unsafe impl __lcr::Interface for dyn Store + '_ {
        const NAME: &'static str = "kv.store";
        const VERSION: u32 = 2;
        const REPLACES: &'static [u32] = &[1];
        const DEPS: &'static [__lcr::Need] = &[__lcr::Need::of::<dyn Journal>()];
        const METHODS: &'static [__lcr::Method] = __LCR_METHODS;
        const CROSSINGS: &'static [::core::option::Option<&'static __lcr::Crossing>] = __LCR_CROSSINGS;
        const ENCODED: &'static [u8] = &__lcr::interface_bytes::<
            { __lcr::interface_len("kv.store", 2, __LCR_METHODS) },
        >("kv.store", 2, __LCR_METHODS);
    }
    struct __LcrTable<__LcrT, __LcrA>(::core::marker::PhantomData<(__LcrT, __LcrA)>);
    impl<__LcrT: Store, __LcrA: __lcr::Ambient> __LcrTable<__LcrT, __LcrA> {
        unsafe extern "C" fn get(
            this: *const (),
            a0: <&str as __lcr::Abi>::Repr,
        ) -> __lcr::Outcome<<Option<Vec<u8>> as __lcr::Abi>::Repr> {
            unsafe {
                __lcr::serve::<
                    _,
                    __LcrA,
                    _,
                >(
                    this,
                    |this: &__LcrT| {
                        let memory_lent_for_key = __lcr::Memory;
                        __lcr::lower(
                            <Option<Vec<u8>> as __lcr::Abi>::into_repr,
                            <__LcrT as Store>::get(
                                this,
                                __lcr::receive(
                                        &memory_lent_for_key,
                                        <&str as __lcr::Abi>::from_repr,
                                        a0,
                                    )
                                    .value(),
                            ),
                        )
                    },
                )
            }
        }
        unsafe extern "C" fn put(
            this: *const (),
            a0: <&str as __lcr::Abi>::Repr,
            a1: <&[u8] as __lcr::Abi>::Repr,
        ) -> __lcr::Outcome<<Result<(), StoreError> as __lcr::Abi>::Repr> {
            unsafe {
                __lcr::serve::<
                    _,
                    __LcrA,
                    _,
                >(
                    this,
                    |this: &__LcrT| {
                        let memory_lent_for_key = __lcr::Memory;
                        let memory_lent_for_value = __lcr::Memory;
                        __lcr::lower(
                            <Result<(), StoreError> as __lcr::Abi>::into_repr,
                            <__LcrT as Store>::put(
                                this,
                                __lcr::receive(
                                        &memory_lent_for_key,
                                        <&str as __lcr::Abi>::from_repr,
                                        a0,
                                    )
                                    .value(),
                                __lcr::receive(
                                        &memory_lent_for_value,
                                        <&[u8] as __lcr::Abi>::from_repr,
                                        a1,
                                    )
                                    .value(),
                            ),
                        )
                    },
                )
            }
        }
        unsafe extern "C" fn len(
            this: *const (),
        ) -> __lcr::Outcome<<u64 as __lcr::Abi>::Repr> {
            unsafe {
                __lcr::serve::<
                    _,
                    __LcrA,
                    _,
                >(
                    this,
                    |this: &__LcrT| {
                        __lcr::lower(
                            <u64 as __lcr::Abi>::into_repr,
                            <__LcrT as Store>::len(this),
                        )
                    },
                )
            }
        }
    }
    unsafe impl<
        __LcrT: Store + 'static,
        __LcrA: __lcr::Ambient,
    > __lcr::ServedBy<__LcrT, __LcrA> for dyn Store + '_ {
        const THUNKS: &'static [__lcr::Thunk] = &[
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::get as *const ()),
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::put as *const ()),
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::len as *const ()),
        ];
    }
    trait __LcrDefaults: Store {
        fn __lcr_default_len(&self) -> u64 {
            0
        }
    }
    impl<__LcrT: Store + ?Sized> __LcrDefaults for __LcrT {}
    trait __LcrCalls<'__lcr>: Store + __lcr::Callee<Interface = dyn Store + '__lcr> {
        #[inline(always)]
        fn __lcr_call_get(&self, key: &str) -> Option<Vec<u8>> {
            unsafe {
                __lcr::request(
                    self,
                    0,
                    (__lcr::lower(<&str as __lcr::Abi>::into_repr, key),),
                    |(a0,)| (__lcr::lift(<&str as __lcr::Abi>::from_repr, a0),),
                    |value| {
                        let memory_of_the_component = __lcr::Memory;
                        __lcr::receive(
                                &memory_of_the_component,
                                <Option<Vec<u8>> as __lcr::Abi>::from_repr,
                                value,
                            )
                            .value()
                    },
                    |fault| {
                        (&&__lcr::Tag::<Option<Vec<u8>>>::new()).raise_lcr_fault(fault)
                    },
                )
            }
        }
        #[inline(always)]
        fn __lcr_call_put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
            unsafe {
                __lcr::request(
                    self,
                    1,
                    (
                        __lcr::lower(<&str as __lcr::Abi>::into_repr, key),
                        __lcr::lower(<&[u8] as __lcr::Abi>::into_repr, value),
                    ),
                    |(a0, a1)| (
                        __lcr::lift(<&str as __lcr::Abi>::from_repr, a0),
                        __lcr::lift(<&[u8] as __lcr::Abi>::from_repr, a1),
                    ),
                    |value| {
                        let memory_of_the_component = __lcr::Memory;
                        __lcr::receive(
                                &memory_of_the_component,
                                <Result<(), StoreError> as __lcr::Abi>::from_repr,
                                value,
                            )
                            .value()
                    },
                    |fault| {
                        (&&__lcr::Tag::<Result<(), StoreError>>::new())
                            .raise_lcr_fault(fault)
                    },
                )
            }
        }
        #[inline(always)]
        fn __lcr_call_len(&self) -> u64 {
            unsafe {
                __lcr::request_or_default(
                    self,
                    2,
                    (),
                    |()| (),
                    |value| {
                        let memory_of_the_component = __lcr::Memory;
                        __lcr::receive(
                                &memory_of_the_component,
                                <u64 as __lcr::Abi>::from_repr,
                                value,
                            )
                            .value()
                    },
                    |()| __LcrDefaults::__lcr_default_len(self),
                    |fault| (&&__lcr::Tag::<u64>::new()).raise_lcr_fault(fault),
                )
            }
        }
    }
    impl<
        '__lcr,
        __LcrT: Store + __lcr::Callee<Interface = dyn Store + '__lcr>,
    > __LcrCalls<'__lcr> for __LcrT {}
    #[automatically_derived]
    impl Store for __lcr::Handle<dyn Store + '_> {
        #[inline]
        fn get(&self, key: &str) -> Option<Vec<u8>> {
            __LcrCalls::__lcr_call_get(self, key)
        }
        #[inline]
        fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
            __LcrCalls::__lcr_call_put(self, key, value)
        }
        #[inline]
        fn len(&self) -> u64 {
            __LcrCalls::__lcr_call_len(self)
        }
    }
    #[automatically_derived]
    impl Store for __lcr::Pinned<dyn Store + '_> {
        #[inline]
        fn get(&self, key: &str) -> Option<Vec<u8>> {
            __LcrCalls::__lcr_call_get(self, key)
        }
        #[inline]
        fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
            __LcrCalls::__lcr_call_put(self, key, value)
        }
        #[inline]
        fn len(&self) -> u64 {
            __LcrCalls::__lcr_call_len(self)
        }
    }
    use __lcr::{PassAsErr as _, PassAsPanic as _};
    #[derive(::core::default::Default)]
    pub struct __LcrMethods(__lcr::Layers);
    #[allow(private_interfaces, private_bounds, clippy::type_complexity)]
    impl __LcrMethods {
        pub fn get<__LcrF>(mut self, function: __LcrF) -> Self
        where
            __LcrF: ::core::ops::Fn(
                    &dyn ::core::ops::Fn(&str) -> Option<Vec<u8>>,
                    &str,
                ) -> Option<Vec<u8>> + ::core::marker::Send + ::core::marker::Sync
                + 'static,
        {
            unsafe {
                __lcr::around::<
                    (<&str as __lcr::Abi>::Repr,),
                    <Option<Vec<u8>> as __lcr::Abi>::Repr,
                    _,
                >(
                    &mut self.0,
                    0,
                    move |below: &__lcr::Next<'_>, (a0,): (<&str as __lcr::Abi>::Repr,)| {
                        let next = |key: &str| -> Option<Vec<u8>> {
                            match below
                                .call::<
                                    _,
                                    <Option<Vec<u8>> as __lcr::Abi>::Repr,
                                >(|| (__lcr::lower(<&str as __lcr::Abi>::into_repr, key),))
                            {
                                ::core::result::Result::Ok(value) => {
                                    let memory_of_the_component = __lcr::Memory;
                                    __lcr::receive(
                                            &memory_of_the_component,
                                            <Option<Vec<u8>> as __lcr::Abi>::from_repr,
                                            value,
                                        )
                                        .value()
                                }
                                ::core::result::Result::Err(fault) => {
                                    (&&__lcr::Tag::<Option<Vec<u8>>>::new())
                                        .pass_lcr_fault::<dyn Store>(fault, 0)
                                }
                            }
                        };
                        let memory_lent_for_key = __lcr::Memory;
                        __lcr::lower(
                            <Option<Vec<u8>> as __lcr::Abi>::into_repr,
                            function(
                                &next,
                                __lcr::receive(
                                        &memory_lent_for_key,
                                        <&str as __lcr::Abi>::from_repr,
                                        a0,
                                    )
                                    .value(),
                            ),
                        )
                    },
                )
            }
            self
        }
        pub fn put<__LcrF>(mut self, function: __LcrF) -> Self
        where
            __LcrF: ::core::ops::Fn(
                    &dyn ::core::ops::Fn(&str, &[u8]) -> Result<(), StoreError>,
                    &str,
                    &[u8],
                ) -> Result<(), StoreError> + ::core::marker::Send + ::core::marker::Sync
                + 'static,
        {
            unsafe {
                __lcr::around::<
                    (<&str as __lcr::Abi>::Repr, <&[u8] as __lcr::Abi>::Repr),
                    <Result<(), StoreError> as __lcr::Abi>::Repr,
                    _,
                >(
                    &mut self.0,
                    1,
                    move |
                        below: &__lcr::Next<'_>,
                        (
                            a0,
                            a1,
                        ): (<&str as __lcr::Abi>::Repr, <&[u8] as __lcr::Abi>::Repr)|
                    {
                        let next = |key: &str, value: &[u8]| -> Result<(), StoreError> {
                            match below
                                .call::<
                                    _,
                                    <Result<(), StoreError> as __lcr::Abi>::Repr,
                                >(|| (
                                    __lcr::lower(<&str as __lcr::Abi>::into_repr, key),
                                    __lcr::lower(<&[u8] as __lcr::Abi>::into_repr, value),
                                ))
                            {
                                ::core::result::Result::Ok(value) => {
                                    let memory_of_the_component = __lcr::Memory;
                                    __lcr::receive(
                                            &memory_of_the_component,
                                            <Result<(), StoreError> as __lcr::Abi>::from_repr,
                                            value,
                                        )
                                        .value()
                                }
                                ::core::result::Result::Err(fault) => {
                                    (&&__lcr::Tag::<Result<(), StoreError>>::new())
                                        .pass_lcr_fault::<dyn Store>(fault, 1)
                                }
                            }
                        };
                        let memory_lent_for_key = __lcr::Memory;
                        let memory_lent_for_value = __lcr::Memory;
                        __lcr::lower(
                            <Result<(), StoreError> as __lcr::Abi>::into_repr,
                            function(
                                &next,
                                __lcr::receive(
                                        &memory_lent_for_key,
                                        <&str as __lcr::Abi>::from_repr,
                                        a0,
                                    )
                                    .value(),
                                __lcr::receive(
                                        &memory_lent_for_value,
                                        <&[u8] as __lcr::Abi>::from_repr,
                                        a1,
                                    )
                                    .value(),
                            ),
                        )
                    },
                )
            }
            self
        }
        pub fn len<__LcrF>(mut self, function: __LcrF) -> Self
        where
            __LcrF: ::core::ops::Fn(&dyn ::core::ops::Fn() -> u64) -> u64
                + ::core::marker::Send + ::core::marker::Sync + 'static,
        {
            unsafe {
                __lcr::around::<
                    (),
                    <u64 as __lcr::Abi>::Repr,
                    _,
                >(
                    &mut self.0,
                    2,
                    move |below: &__lcr::Next<'_>, (): ()| {
                        let next = || -> u64 {
                            match below.call::<_, <u64 as __lcr::Abi>::Repr>(|| ()) {
                                ::core::result::Result::Ok(value) => {
                                    let memory_of_the_component = __lcr::Memory;
                                    __lcr::receive(
                                            &memory_of_the_component,
                                            <u64 as __lcr::Abi>::from_repr,
                                            value,
                                        )
                                        .value()
                                }
                                ::core::result::Result::Err(fault) => {
                                    (&&__lcr::Tag::<u64>::new())
                                        .pass_lcr_fault::<dyn Store>(fault, 2)
                                }
                            }
                        };
                        __lcr::lower(<u64 as __lcr::Abi>::into_repr, function(&next))
                    },
                )
            }
            self
        }
    }
    impl __lcr::Collects for __LcrMethods {
        fn into_layers(self) -> __lcr::Layers {
            self.0
        }
    }
    impl __lcr::Patchable for dyn Store + '_ {
        type Methods = __LcrMethods;
    }
};
