pub trait Queue: ::core::marker::Send + ::core::marker::Sync {
    fn pop(
        &self,
        key: &str,
    ) -> impl ::core::future::Future<Output = Option<Vec<u8>>> + ::core::marker::Send
    where
        Self: ::core::marker::Sized;
    fn each(
        &self,
        visit: &(dyn Fn(&str) -> bool + Sync),
        done: Box<dyn Fn(u64) + Send>,
    ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send
    where
        Self: ::core::marker::Sized;
    fn push(
        &self,
        key: &str,
        value: Vec<u8>,
        argument3: u8,
    ) -> impl ::core::future::Future<
        Output = Result<u64, QueueError>,
    > + ::core::marker::Send
    where
        Self: ::core::marker::Sized,
    {
        async move {
            let key = key;
            let mut value = value;
            let _argument3 = argument3;
            value.push(0);
            self.pop(key).await;
            Ok(1)
        }
    }
    fn len(&self) -> u64;
}
#[allow(deprecated, improper_ctypes_definitions)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    use __lcr::{RaiseAsErr as _, RaiseAsPanic as _, Unbounded as _, Unproven as _};
    type _ResultsOwnTheirData = (Option<Vec<u8>>, Result<u64, QueueError>);
    const __LCR_METHODS: &'static [__lcr::Method] = &[
        __lcr::Method::new(
                false,
                &__lcr::Shape::method(
                    "pop",
                    &[
                        __lcr::Part::of(<&str as __lcr::Abi>::SHAPE),
                        __lcr::Part::result(
                            &__lcr::Shape::future(
                                &[__lcr::Part::of(<Option<Vec<u8>> as __lcr::Abi>::SHAPE)],
                            ),
                        ),
                    ],
                ),
            )
            .with_arguments(&["key"]),
        __lcr::Method::new(
                false,
                &__lcr::Shape::method(
                    "each",
                    &[
                        __lcr::Part::of(
                            &__lcr::Shape::of::<
                                __lcr::Repr<__lcr::BorrowedCallback>,
                            >(
                                __lcr::Kind::Callback,
                                __lcr::bounds(
                                    __lcr::Bounds::<dyn Fn(&str) -> bool + Sync>::SEND,
                                    __lcr::Bounds::<dyn Fn(&str) -> bool + Sync>::SYNC,
                                ),
                                &[
                                    __lcr::Part::of(<&str as __lcr::Abi>::SHAPE),
                                    __lcr::Part::result(<bool as __lcr::Abi>::SHAPE),
                                ],
                            ),
                        ),
                        __lcr::Part::of(
                            &__lcr::Shape::of::<
                                __lcr::Repr<__lcr::BoxedCallback>,
                            >(
                                __lcr::Kind::BoxedCallback,
                                __lcr::bounds(
                                    __lcr::Bounds::<dyn Fn(u64) + Send>::SEND,
                                    __lcr::Bounds::<dyn Fn(u64) + Send>::SYNC,
                                ),
                                &[
                                    __lcr::Part::of(<u64 as __lcr::Abi>::SHAPE),
                                    __lcr::Part::result(<() as __lcr::Abi>::SHAPE),
                                ],
                            ),
                        ),
                        __lcr::Part::result(
                            &__lcr::Shape::future(
                                &[__lcr::Part::of(<u64 as __lcr::Abi>::SHAPE)],
                            ),
                        ),
                    ],
                ),
            )
            .with_arguments(&["visit", "done"]),
        __lcr::Method::new(
                true,
                &__lcr::Shape::method(
                    "push",
                    &[
                        __lcr::Part::of(<&str as __lcr::Abi>::SHAPE),
                        __lcr::Part::of(<Vec<u8> as __lcr::Abi>::SHAPE),
                        __lcr::Part::of(<u8 as __lcr::Abi>::SHAPE),
                        __lcr::Part::result(
                            &__lcr::Shape::future(
                                &[
                                    __lcr::Part::of(
                                        <Result<u64, QueueError> as __lcr::Abi>::SHAPE,
                                    ),
                                ],
                            ),
                        ),
                    ],
                ),
            )
            .with_arguments(&["key", "value", "argument3"]),
        __lcr::Method::new(
            false,
            &__lcr::Shape::method(
                "len",
                &[__lcr::Part::result(<u64 as __lcr::Abi>::SHAPE)],
            ),
        ),
    ];
    const __LCR_CROSSINGS: &'static [::core::option::Option<&'static __lcr::Crossing>] = &[
        ::core::option::Option::None,
        ::core::option::Option::None,
        ::core::option::Option::None,
        __lcr::crossing::<(), <u64 as __lcr::Abi>::Repr>(),
    ];
    unsafe impl __lcr::Interface for dyn Queue + '_ {
        const NAME: &'static str = "kv.queue";
        const VERSION: u32 = 1;
        const REPLACES: &'static [u32] = &[];
        const DEPS: &'static [__lcr::Need] = &[];
        const METHODS: &'static [__lcr::Method] = __LCR_METHODS;
        const CROSSINGS: &'static [::core::option::Option<&'static __lcr::Crossing>] = __LCR_CROSSINGS;
        const ENCODED: &'static [u8] = &__lcr::interface_bytes::<
            { __lcr::interface_len("kv.queue", 1, __LCR_METHODS) },
        >("kv.queue", 1, __LCR_METHODS);
    }
    struct __LcrTable<__LcrT, __LcrA>(::core::marker::PhantomData<(__LcrT, __LcrA)>);
    impl<__LcrT: Queue, __LcrA: __lcr::Ambient> __LcrTable<__LcrT, __LcrA> {
        unsafe extern "C" fn pop(
            this: *const (),
            a0: <&str as __lcr::Abi>::Repr,
            call: *mut __lcr::RawCall<<Option<Vec<u8>> as __lcr::Abi>::Repr>,
        ) -> __lcr::Polled {
            unsafe {
                let memory_lent_for_key = __lcr::Memory;
                __lcr::serve_async::<
                    __LcrT,
                    __LcrA,
                    _,
                    _,
                    _,
                >(
                    this,
                    call,
                    |this| {
                        <__LcrT as Queue>::pop(
                            this,
                            __lcr::receive(
                                    &memory_lent_for_key,
                                    <&str as __lcr::Abi>::from_repr,
                                    a0,
                                )
                                .value(),
                        )
                    },
                    |value| __lcr::lower(
                        <Option<Vec<u8>> as __lcr::Abi>::into_repr,
                        value,
                    ),
                )
            }
        }
        unsafe extern "C" fn each(
            this: *const (),
            a0: __lcr::Repr<__lcr::BorrowedCallback>,
            a1: __lcr::Repr<__lcr::BoxedCallback>,
            call: *mut __lcr::RawCall<<u64 as __lcr::Abi>::Repr>,
        ) -> __lcr::Polled {
            unsafe {
                __lcr::serve_async::<
                    __LcrT,
                    __LcrA,
                    _,
                    _,
                    _,
                >(
                    this,
                    call,
                    |this| async move {
                        let a0 = {
                            let callback = __lcr::lift(
                                <__lcr::BorrowedCallback as __lcr::Abi>::from_repr,
                                a0,
                            );
                            move |p0: &str| -> bool {
                                unsafe {
                                    let memory_of_the_callback = __lcr::Memory;
                                    __lcr::receive(
                                            &memory_of_the_callback,
                                            <bool as __lcr::Abi>::from_repr,
                                            __lcr::BorrowedCallback::call(
                                                &callback,
                                                (__lcr::lower(<&str as __lcr::Abi>::into_repr, p0),),
                                            ),
                                        )
                                        .value()
                                }
                            }
                        };
                        let a1 = {
                            let callback = __lcr::lift(
                                <__lcr::BoxedCallback as __lcr::Abi>::from_repr,
                                a1,
                            );
                            move |p0: u64| -> () {
                                unsafe {
                                    let memory_of_the_callback = __lcr::Memory;
                                    __lcr::receive(
                                            &memory_of_the_callback,
                                            <() as __lcr::Abi>::from_repr,
                                            __lcr::BoxedCallback::call(
                                                &callback,
                                                (__lcr::lower(<u64 as __lcr::Abi>::into_repr, p0),),
                                            ),
                                        )
                                        .value()
                                }
                            }
                        };
                        <__LcrT as Queue>::each(this, &a0, __lcr::Box::new(a1)).await
                    },
                    |value| __lcr::lower(<u64 as __lcr::Abi>::into_repr, value),
                )
            }
        }
        unsafe extern "C" fn push(
            this: *const (),
            a0: <&str as __lcr::Abi>::Repr,
            a1: <Vec<u8> as __lcr::Abi>::Repr,
            a2: <u8 as __lcr::Abi>::Repr,
            call: *mut __lcr::RawCall<<Result<u64, QueueError> as __lcr::Abi>::Repr>,
        ) -> __lcr::Polled {
            unsafe {
                let memory_lent_for_key = __lcr::Memory;
                let memory_lent_for_value = __lcr::Memory;
                let memory_lent_for_argument3 = __lcr::Memory;
                __lcr::serve_async::<
                    __LcrT,
                    __LcrA,
                    _,
                    _,
                    _,
                >(
                    this,
                    call,
                    |this| {
                        <__LcrT as Queue>::push(
                            this,
                            __lcr::receive(
                                    &memory_lent_for_key,
                                    <&str as __lcr::Abi>::from_repr,
                                    a0,
                                )
                                .value(),
                            __lcr::receive(
                                    &memory_lent_for_value,
                                    <Vec<u8> as __lcr::Abi>::from_repr,
                                    a1,
                                )
                                .value(),
                            __lcr::receive(
                                    &memory_lent_for_argument3,
                                    <u8 as __lcr::Abi>::from_repr,
                                    a2,
                                )
                                .value(),
                        )
                    },
                    |value| __lcr::lower(
                        <Result<u64, QueueError> as __lcr::Abi>::into_repr,
                        value,
                    ),
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
                            <__LcrT as Queue>::len(this),
                        )
                    },
                )
            }
        }
    }
    unsafe impl<
        __LcrT: Queue + 'static,
        __LcrA: __lcr::Ambient,
    > __lcr::ServedBy<__LcrT, __LcrA> for dyn Queue + '_ {
        const THUNKS: &'static [__lcr::Thunk] = &[
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::pop as *const ()),
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::each as *const ()),
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::push as *const ()),
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::len as *const ()),
        ];
    }
    trait __LcrDefaults: Queue {
        fn __lcr_default_push(
            &self,
            key: &str,
            value: Vec<u8>,
            argument3: u8,
        ) -> impl ::core::future::Future<
            Output = Result<u64, QueueError>,
        > + ::core::marker::Send
        where
            Self: ::core::marker::Sized,
        {
            async move {
                let key = key;
                let mut value = value;
                let _argument3 = argument3;
                value.push(0);
                self.pop(key).await;
                Ok(1)
            }
        }
    }
    impl<__LcrT: Queue + ?Sized> __LcrDefaults for __LcrT {}
    trait __LcrCalls<
        '__lcr,
    >: Queue + __lcr::AsyncCallee<Interface = dyn Queue + '__lcr> {
        #[inline(always)]
        fn __lcr_call_pop(
            &self,
            key: &str,
        ) -> impl ::core::future::Future<
            Output = Option<Vec<u8>>,
        > + ::core::marker::Send {
            unsafe {
                __lcr::request_async(
                    self,
                    0,
                    (key,),
                    |(key,)| (__lcr::lower(<&str as __lcr::Abi>::into_repr, key),),
                    |value| {
                        let memory_of_the_component = __lcr::Memory;
                        __lcr::receive(
                                &memory_of_the_component,
                                <Option<Vec<u8>> as __lcr::Abi>::from_repr,
                                value,
                            )
                            .value()
                    },
                    |callee, unserved| {
                        let fault = __lcr::fault_of(callee, 0, unserved);
                        (&&__lcr::Tag::<Option<Vec<u8>>>::new()).raise_lcr_fault(fault)
                    },
                )
            }
        }
        #[inline(always)]
        fn __lcr_call_each(
            &self,
            visit: &(dyn Fn(&str) -> bool + Sync),
            done: Box<dyn Fn(u64) + Send>,
        ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send {
            async move {
                let visit_callback = |(p0,)| unsafe {
                    let argument_1_lent_to_visit = __lcr::Memory;
                    __lcr::lower(
                        <bool as __lcr::Abi>::into_repr,
                        visit(
                            __lcr::receive(
                                    &argument_1_lent_to_visit,
                                    <&str as __lcr::Abi>::from_repr,
                                    p0,
                                )
                                .value(),
                        ),
                    )
                };
                unsafe {
                    __lcr::request_async(
                        self,
                        1,
                        (&visit_callback, done),
                        |(visit_callback, done)| {
                            let done_callback = move |(p0,)| unsafe {
                                let argument_1_lent_to_done = __lcr::Memory;
                                __lcr::lower(
                                    <() as __lcr::Abi>::into_repr,
                                    done(
                                        __lcr::receive(
                                                &argument_1_lent_to_done,
                                                <u64 as __lcr::Abi>::from_repr,
                                                p0,
                                            )
                                            .value(),
                                    ),
                                )
                            };
                            (
                                __lcr::lower(
                                    <__lcr::BorrowedCallback as __lcr::Abi>::into_repr,
                                    __lcr::BorrowedCallback::new(visit_callback),
                                ),
                                __lcr::lower(
                                    <__lcr::BoxedCallback as __lcr::Abi>::into_repr,
                                    __lcr::BoxedCallback::new(done_callback),
                                ),
                            )
                        },
                        |value| {
                            let memory_of_the_component = __lcr::Memory;
                            __lcr::receive(
                                    &memory_of_the_component,
                                    <u64 as __lcr::Abi>::from_repr,
                                    value,
                                )
                                .value()
                        },
                        |callee, unserved| {
                            let fault = __lcr::fault_of(callee, 1, unserved);
                            (&&__lcr::Tag::<u64>::new()).raise_lcr_fault(fault)
                        },
                    )
                }
                    .await
            }
        }
        #[inline(always)]
        fn __lcr_call_push(
            &self,
            key: &str,
            value: Vec<u8>,
            argument3: u8,
        ) -> impl ::core::future::Future<
            Output = Result<u64, QueueError>,
        > + ::core::marker::Send {
            async move {
                match unsafe {
                    __lcr::request_async(
                        self,
                        2,
                        (key, value, argument3),
                        |(key, value, argument3)| (
                            __lcr::lower(<&str as __lcr::Abi>::into_repr, key),
                            __lcr::lower(<Vec<u8> as __lcr::Abi>::into_repr, value),
                            __lcr::lower(<u8 as __lcr::Abi>::into_repr, argument3),
                        ),
                        |value| {
                            let memory_of_the_component = __lcr::Memory;
                            ::core::result::Result::Ok(
                                __lcr::receive(
                                        &memory_of_the_component,
                                        <Result<u64, QueueError> as __lcr::Abi>::from_repr,
                                        value,
                                    )
                                    .value(),
                            )
                        },
                        |_, unserved| ::core::result::Result::Err(unserved),
                    )
                }
                    .await
                {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(
                        __lcr::Unserved::Missing((key, value, argument3)),
                    ) => {
                        __LcrDefaults::__lcr_default_push(self, key, value, argument3)
                            .await
                    }
                    ::core::result::Result::Err(__lcr::Unserved::Fault(fault)) => {
                        (&&__lcr::Tag::<Result<u64, QueueError>>::new())
                            .raise_lcr_fault(fault)
                    }
                }
            }
        }
        #[inline(always)]
        fn __lcr_call_len(&self) -> u64 {
            unsafe {
                __lcr::request(
                    self,
                    3,
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
                    |fault| (&&__lcr::Tag::<u64>::new()).raise_lcr_fault(fault),
                )
            }
        }
    }
    impl<
        '__lcr,
        __LcrT: Queue + __lcr::AsyncCallee<Interface = dyn Queue + '__lcr>,
    > __LcrCalls<'__lcr> for __LcrT {}
    #[automatically_derived]
    impl Queue for __lcr::Handle<dyn Queue + '_> {
        #[inline]
        fn pop(
            &self,
            key: &str,
        ) -> impl ::core::future::Future<
            Output = Option<Vec<u8>>,
        > + ::core::marker::Send {
            __LcrCalls::__lcr_call_pop(self, key)
        }
        #[inline]
        fn each(
            &self,
            visit: &(dyn Fn(&str) -> bool + Sync),
            done: Box<dyn Fn(u64) + Send>,
        ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send {
            __LcrCalls::__lcr_call_each(self, visit, done)
        }
        #[inline]
        fn push(
            &self,
            key: &str,
            value: Vec<u8>,
            argument3: u8,
        ) -> impl ::core::future::Future<
            Output = Result<u64, QueueError>,
        > + ::core::marker::Send {
            __LcrCalls::__lcr_call_push(self, key, value, argument3)
        }
        #[inline]
        fn len(&self) -> u64 {
            __LcrCalls::__lcr_call_len(self)
        }
    }
    #[automatically_derived]
    impl Queue for __lcr::Pinned<dyn Queue + '_> {
        #[inline]
        fn pop(
            &self,
            key: &str,
        ) -> impl ::core::future::Future<
            Output = Option<Vec<u8>>,
        > + ::core::marker::Send {
            __LcrCalls::__lcr_call_pop(self, key)
        }
        #[inline]
        fn each(
            &self,
            visit: &(dyn Fn(&str) -> bool + Sync),
            done: Box<dyn Fn(u64) + Send>,
        ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send {
            __LcrCalls::__lcr_call_each(self, visit, done)
        }
        #[inline]
        fn push(
            &self,
            key: &str,
            value: Vec<u8>,
            argument3: u8,
        ) -> impl ::core::future::Future<
            Output = Result<u64, QueueError>,
        > + ::core::marker::Send {
            __LcrCalls::__lcr_call_push(self, key, value, argument3)
        }
        #[inline]
        fn len(&self) -> u64 {
            __LcrCalls::__lcr_call_len(self)
        }
    }
};
