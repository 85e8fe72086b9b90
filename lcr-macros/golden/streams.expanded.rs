pub trait Feed: ::core::marker::Send + ::core::marker::Sync {
    fn watch(
        &self,
        from: u64,
        prefix: &str,
    ) -> impl Stream<Item = Result<Change, Lost>> + Send
    where
        Self: ::core::marker::Sized;
    fn filtered<'a>(
        &'a self,
        wants: &'a (dyn Fn(&str) -> bool + Sync),
        done: Box<dyn Fn(u64) + Send>,
    ) -> impl lcr::Stream<Item = u64> + Send + 'a
    where
        Self: ::core::marker::Sized,
    {
        self.counted(wants, done)
    }
}
#[allow(deprecated, improper_ctypes_definitions)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    use __lcr::{RaiseAsErr as _, RaiseAsPanic as _, Unbounded as _, Unproven as _};
    type _ResultsOwnTheirData = (Result<Change, Lost>,);
    const __LCR_METHODS: &'static [__lcr::Method] = &[
        __lcr::Method::new(
                false,
                &__lcr::Shape::method(
                    "watch",
                    &[
                        __lcr::Part::of(<u64 as __lcr::Abi>::SHAPE),
                        __lcr::Part::of(<&str as __lcr::Abi>::SHAPE),
                        __lcr::Part::result(
                            &__lcr::Shape::stream(
                                &[
                                    __lcr::Part::of(<Result<Change, Lost> as __lcr::Abi>::SHAPE),
                                ],
                            ),
                        ),
                    ],
                ),
            )
            .with_arguments(&["from", "prefix"]),
        __lcr::Method::new(
                true,
                &__lcr::Shape::method(
                    "filtered",
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
                            &__lcr::Shape::stream(
                                &[__lcr::Part::of(<u64 as __lcr::Abi>::SHAPE)],
                            ),
                        ),
                    ],
                ),
            )
            .with_arguments(&["wants", "done"]),
    ];
    const __LCR_CROSSINGS: &'static [::core::option::Option<&'static __lcr::Crossing>] = &[
        ::core::option::Option::None,
        ::core::option::Option::None,
    ];
    unsafe impl __lcr::Interface for dyn Feed + '_ {
        const NAME: &'static str = "kv.feed";
        const VERSION: u32 = 1;
        const REPLACES: &'static [u32] = &[];
        const DEPS: &'static [__lcr::Need] = &[];
        const METHODS: &'static [__lcr::Method] = __LCR_METHODS;
        const CROSSINGS: &'static [::core::option::Option<&'static __lcr::Crossing>] = __LCR_CROSSINGS;
        const ENCODED: &'static [u8] = &__lcr::interface_bytes::<
            { __lcr::interface_len("kv.feed", 1, __LCR_METHODS) },
        >("kv.feed", 1, __LCR_METHODS);
    }
    struct __LcrTable<__LcrT, __LcrA>(::core::marker::PhantomData<(__LcrT, __LcrA)>);
    impl<__LcrT: Feed, __LcrA: __lcr::Ambient> __LcrTable<__LcrT, __LcrA> {
        unsafe extern "C" fn watch(
            this: *const (),
            a0: <u64 as __lcr::Abi>::Repr,
            a1: <&str as __lcr::Abi>::Repr,
            call: *mut __lcr::RawCall<
                <::core::option::Option<Result<Change, Lost>> as __lcr::Abi>::Repr,
            >,
        ) -> __lcr::Polled {
            unsafe {
                __lcr::streams::serve_stream::<
                    __LcrT,
                    __LcrA,
                    _,
                    _,
                >(
                    this,
                    call,
                    |this, items| async move {
                        let memory_lent_for_from = __lcr::Memory;
                        let memory_lent_for_prefix = __lcr::Memory;
                        let end = __lcr::streams::drain(
                                items,
                                <__LcrT as Feed>::watch(
                                    this,
                                    __lcr::receive(
                                            &memory_lent_for_from,
                                            <u64 as __lcr::Abi>::from_repr,
                                            a0,
                                        )
                                        .value(),
                                    __lcr::receive(
                                            &memory_lent_for_prefix,
                                            <&str as __lcr::Abi>::from_repr,
                                            a1,
                                        )
                                        .value(),
                                ),
                                |value| __lcr::lower(
                                    <::core::option::Option<
                                        Result<Change, Lost>,
                                    > as __lcr::Abi>::into_repr,
                                    value,
                                ),
                            )
                            .await;
                        end
                    },
                )
            }
        }
        unsafe extern "C" fn filtered(
            this: *const (),
            a0: __lcr::Repr<__lcr::BorrowedCallback>,
            a1: __lcr::Repr<__lcr::BoxedCallback>,
            call: *mut __lcr::RawCall<<::core::option::Option<u64> as __lcr::Abi>::Repr>,
        ) -> __lcr::Polled {
            unsafe {
                __lcr::streams::serve_stream::<
                    __LcrT,
                    __LcrA,
                    _,
                    _,
                >(
                    this,
                    call,
                    |this, items| async move {
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
                        let end = __lcr::streams::drain(
                                items,
                                <__LcrT as Feed>::filtered(this, &a0, __lcr::Box::new(a1)),
                                |value| __lcr::lower(
                                    <::core::option::Option<u64> as __lcr::Abi>::into_repr,
                                    value,
                                ),
                            )
                            .await;
                        end
                    },
                )
            }
        }
    }
    unsafe impl<
        __LcrT: Feed + 'static,
        __LcrA: __lcr::Ambient,
    > __lcr::ServedBy<__LcrT, __LcrA> for dyn Feed + '_ {
        const THUNKS: &'static [__lcr::Thunk] = &[
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::watch as *const ()),
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::filtered as *const ()),
        ];
    }
    trait __LcrDefaults: Feed {
        fn __lcr_default_filtered<'a>(
            &'a self,
            wants: &'a (dyn Fn(&str) -> bool + Sync),
            done: Box<dyn Fn(u64) + Send>,
        ) -> impl lcr::Stream<Item = u64> + Send + 'a
        where
            Self: ::core::marker::Sized,
        {
            self.counted(wants, done)
        }
    }
    impl<__LcrT: Feed + ?Sized> __LcrDefaults for __LcrT {}
    trait __LcrCalls<'__lcr>: Feed + __lcr::AsyncCallee<Interface = dyn Feed + '__lcr> {
        #[inline(always)]
        fn __lcr_call_watch(
            &self,
            from: u64,
            prefix: &str,
        ) -> impl Stream<Item = Result<Change, Lost>> + Send {
            unsafe {
                __lcr::streams::request_stream(
                    self,
                    0,
                    (from, prefix),
                    move |(from, prefix)| (
                        __lcr::lower(<u64 as __lcr::Abi>::into_repr, from),
                        __lcr::lower(<&str as __lcr::Abi>::into_repr, prefix),
                    ),
                    |value| {
                        let memory_of_the_component = __lcr::Memory;
                        __lcr::receive(
                                &memory_of_the_component,
                                <::core::option::Option<
                                    Result<Change, Lost>,
                                > as __lcr::Abi>::from_repr,
                                value,
                            )
                            .value()
                    },
                    |fault| {
                        (&&__lcr::Tag::<Result<Change, Lost>>::new())
                            .raise_lcr_fault(fault)
                    },
                )
            }
        }
        #[inline(always)]
        fn __lcr_call_filtered<'a>(
            &'a self,
            wants: &'a (dyn Fn(&str) -> bool + Sync),
            done: Box<dyn Fn(u64) + Send>,
        ) -> impl lcr::Stream<Item = u64> + Send + 'a {
            let wants_callback = __lcr::streams::Arc::new(move |(p0,)| unsafe {
                let argument_1_lent_to_wants = __lcr::Memory;
                __lcr::lower(
                    <bool as __lcr::Abi>::into_repr,
                    wants(
                        __lcr::receive(
                                &argument_1_lent_to_wants,
                                <&str as __lcr::Abi>::from_repr,
                                p0,
                            )
                            .value(),
                    ),
                )
            });
            unsafe {
                __lcr::streams::request_stream_or_default(
                    self,
                    1,
                    (wants, done),
                    move |(_, done)| {
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
                                __lcr::BorrowedCallback::new(&*wants_callback),
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
                                <::core::option::Option<u64> as __lcr::Abi>::from_repr,
                                value,
                            )
                            .value()
                    },
                    |fault| (&&__lcr::Tag::<u64>::new()).raise_lcr_fault(fault),
                    move |(wants, done)| __LcrDefaults::__lcr_default_filtered(
                        self,
                        wants,
                        done,
                    ),
                )
            }
        }
    }
    impl<
        '__lcr,
        __LcrT: Feed + __lcr::AsyncCallee<Interface = dyn Feed + '__lcr>,
    > __LcrCalls<'__lcr> for __LcrT {}
    #[automatically_derived]
    impl Feed for __lcr::Handle<dyn Feed + '_> {
        #[inline]
        fn watch(
            &self,
            from: u64,
            prefix: &str,
        ) -> impl Stream<Item = Result<Change, Lost>> + Send {
            __LcrCalls::__lcr_call_watch(self, from, prefix)
        }
        #[inline]
        fn filtered<'a>(
            &'a self,
            wants: &'a (dyn Fn(&str) -> bool + Sync),
            done: Box<dyn Fn(u64) + Send>,
        ) -> impl lcr::Stream<Item = u64> + Send + 'a {
            __LcrCalls::__lcr_call_filtered(self, wants, done)
        }
    }
    #[automatically_derived]
    impl Feed for __lcr::Pinned<dyn Feed + '_> {
        #[inline]
        fn watch(
            &self,
            from: u64,
            prefix: &str,
        ) -> impl Stream<Item = Result<Change, Lost>> + Send {
            __LcrCalls::__lcr_call_watch(self, from, prefix)
        }
        #[inline]
        fn filtered<'a>(
            &'a self,
            wants: &'a (dyn Fn(&str) -> bool + Sync),
            done: Box<dyn Fn(u64) + Send>,
        ) -> impl lcr::Stream<Item = u64> + Send + 'a {
            __LcrCalls::__lcr_call_filtered(self, wants, done)
        }
    }
};
