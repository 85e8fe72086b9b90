trait Watch: Send + ::core::marker::Sync {
    fn each(&self, prefix: &str, f: &dyn Fn(&str, u64) -> bool);
    fn watch<'a>(
        &'a self,
        mut view: View<'a>,
        call: Box<dyn for<'x> Fn(&'x str) + Send>,
    ) -> u64 {
        view.advance();
        call(view.key);
        0
    }
}
#[allow(deprecated, improper_ctypes_definitions)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    use __lcr::{RaiseAsErr as _, RaiseAsPanic as _, Unbounded as _, Unproven as _};
    type _ResultsOwnTheirData = ();
    const __LCR_METHODS: &'static [__lcr::Method] = &[
        __lcr::Method::new(
                false,
                &__lcr::Shape::method(
                    "each",
                    &[
                        __lcr::Part::of(<&str as __lcr::Abi>::SHAPE),
                        __lcr::Part::of(
                            &__lcr::Shape::of::<
                                __lcr::Repr<__lcr::BorrowedCallback>,
                            >(
                                __lcr::Kind::Callback,
                                __lcr::bounds(
                                    __lcr::Bounds::<dyn Fn(&str, u64) -> bool>::SEND,
                                    __lcr::Bounds::<dyn Fn(&str, u64) -> bool>::SYNC,
                                ),
                                &[
                                    __lcr::Part::of(<&str as __lcr::Abi>::SHAPE),
                                    __lcr::Part::of(<u64 as __lcr::Abi>::SHAPE),
                                    __lcr::Part::result(<bool as __lcr::Abi>::SHAPE),
                                ],
                            ),
                        ),
                        __lcr::Part::result(<() as __lcr::Abi>::SHAPE),
                    ],
                ),
            )
            .with_arguments(&["prefix", "f"]),
        __lcr::Method::new(
                true,
                &__lcr::Shape::method(
                    "watch",
                    &[
                        __lcr::Part::of(<View<'_> as __lcr::Abi>::SHAPE),
                        __lcr::Part::of(
                            &__lcr::Shape::of::<
                                __lcr::Repr<__lcr::BoxedCallback>,
                            >(
                                __lcr::Kind::BoxedCallback,
                                __lcr::bounds(
                                    __lcr::Bounds::<dyn for<'x> Fn(&'x str) + Send>::SEND,
                                    __lcr::Bounds::<dyn for<'x> Fn(&'x str) + Send>::SYNC,
                                ),
                                &[
                                    __lcr::Part::of(<&'_ str as __lcr::Abi>::SHAPE),
                                    __lcr::Part::result(<() as __lcr::Abi>::SHAPE),
                                ],
                            ),
                        ),
                        __lcr::Part::result(<u64 as __lcr::Abi>::SHAPE),
                    ],
                ),
            )
            .with_arguments(&["view", "call"]),
    ];
    const __LCR_CROSSINGS: &'static [::core::option::Option<&'static __lcr::Crossing>] = &[
        __lcr::crossing::<
            (<&str as __lcr::Abi>::Repr, __lcr::Repr<__lcr::BorrowedCallback>),
            <() as __lcr::Abi>::Repr,
        >(),
        __lcr::crossing::<
            (<View<'_> as __lcr::Abi>::Repr, __lcr::Repr<__lcr::BoxedCallback>),
            <u64 as __lcr::Abi>::Repr,
        >(),
    ];
    unsafe impl __lcr::Interface for dyn Watch + '_ {
        const NAME: &'static str = "kv.watch";
        const VERSION: u32 = 1;
        const REPLACES: &'static [u32] = &[];
        const DEPS: &'static [__lcr::Need] = &[];
        const METHODS: &'static [__lcr::Method] = __LCR_METHODS;
        const CROSSINGS: &'static [::core::option::Option<&'static __lcr::Crossing>] = __LCR_CROSSINGS;
        const ENCODED: &'static [u8] = &__lcr::interface_bytes::<
            { __lcr::interface_len("kv.watch", 1, __LCR_METHODS) },
        >("kv.watch", 1, __LCR_METHODS);
    }
    struct __LcrTable<__LcrT, __LcrA>(::core::marker::PhantomData<(__LcrT, __LcrA)>);
    impl<__LcrT: Watch, __LcrA: __lcr::Ambient> __LcrTable<__LcrT, __LcrA> {
        unsafe extern "C" fn each(
            this: *const (),
            a0: <&str as __lcr::Abi>::Repr,
            a1: __lcr::Repr<__lcr::BorrowedCallback>,
        ) -> __lcr::Outcome<<() as __lcr::Abi>::Repr> {
            unsafe {
                __lcr::serve::<
                    _,
                    __LcrA,
                    _,
                >(
                    this,
                    |this: &__LcrT| {
                        let memory_lent_for_prefix = __lcr::Memory;
                        let a1 = {
                            let callback = __lcr::lift(
                                <__lcr::BorrowedCallback as __lcr::Abi>::from_repr,
                                a1,
                            );
                            move |p0: &str, p1: u64| -> bool {
                                unsafe {
                                    let memory_of_the_callback = __lcr::Memory;
                                    __lcr::receive(
                                            &memory_of_the_callback,
                                            <bool as __lcr::Abi>::from_repr,
                                            __lcr::BorrowedCallback::call(
                                                &callback,
                                                (
                                                    __lcr::lower(<&str as __lcr::Abi>::into_repr, p0),
                                                    __lcr::lower(<u64 as __lcr::Abi>::into_repr, p1),
                                                ),
                                            ),
                                        )
                                        .value()
                                }
                            }
                        };
                        __lcr::lower(
                            <() as __lcr::Abi>::into_repr,
                            <__LcrT as Watch>::each(
                                this,
                                __lcr::receive(
                                        &memory_lent_for_prefix,
                                        <&str as __lcr::Abi>::from_repr,
                                        a0,
                                    )
                                    .value(),
                                &a1,
                            ),
                        )
                    },
                )
            }
        }
        unsafe extern "C" fn watch(
            this: *const (),
            a0: <View<'_> as __lcr::Abi>::Repr,
            a1: __lcr::Repr<__lcr::BoxedCallback>,
        ) -> __lcr::Outcome<<u64 as __lcr::Abi>::Repr> {
            unsafe {
                __lcr::serve::<
                    _,
                    __LcrA,
                    _,
                >(
                    this,
                    |this: &__LcrT| {
                        let memory_lent_for_view = __lcr::Memory;
                        let a1 = {
                            let callback = __lcr::lift(
                                <__lcr::BoxedCallback as __lcr::Abi>::from_repr,
                                a1,
                            );
                            move |p0: &'_ str| -> () {
                                unsafe {
                                    let memory_of_the_callback = __lcr::Memory;
                                    __lcr::receive(
                                            &memory_of_the_callback,
                                            <() as __lcr::Abi>::from_repr,
                                            __lcr::BoxedCallback::call(
                                                &callback,
                                                (__lcr::lower(<&'_ str as __lcr::Abi>::into_repr, p0),),
                                            ),
                                        )
                                        .value()
                                }
                            }
                        };
                        __lcr::lower(
                            <u64 as __lcr::Abi>::into_repr,
                            <__LcrT as Watch>::watch(
                                this,
                                __lcr::receive(
                                        &memory_lent_for_view,
                                        <View<'_> as __lcr::Abi>::from_repr,
                                        a0,
                                    )
                                    .value(),
                                __lcr::Box::new(a1),
                            ),
                        )
                    },
                )
            }
        }
    }
    unsafe impl<
        __LcrT: Watch + 'static,
        __LcrA: __lcr::Ambient,
    > __lcr::ServedBy<__LcrT, __LcrA> for dyn Watch + '_ {
        const THUNKS: &'static [__lcr::Thunk] = &[
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::each as *const ()),
            __lcr::Thunk::new(__LcrTable::<__LcrT, __LcrA>::watch as *const ()),
        ];
    }
    trait __LcrDefaults: Watch {
        fn __lcr_default_watch<'a>(
            &'a self,
            mut view: View<'a>,
            call: Box<dyn for<'x> Fn(&'x str) + Send>,
        ) -> u64 {
            view.advance();
            call(view.key);
            0
        }
    }
    impl<__LcrT: Watch + ?Sized> __LcrDefaults for __LcrT {}
    trait __LcrCalls<'__lcr>: Watch + __lcr::Callee<Interface = dyn Watch + '__lcr> {
        #[inline(always)]
        fn __lcr_call_each(&self, prefix: &str, f: &dyn Fn(&str, u64) -> bool) {
            let f_callback = |(p0, p1)| unsafe {
                let argument_1_lent_to_f = __lcr::Memory;
                let argument_2_lent_to_f = __lcr::Memory;
                __lcr::lower(
                    <bool as __lcr::Abi>::into_repr,
                    f(
                        __lcr::receive(
                                &argument_1_lent_to_f,
                                <&str as __lcr::Abi>::from_repr,
                                p0,
                            )
                            .value(),
                        __lcr::receive(
                                &argument_2_lent_to_f,
                                <u64 as __lcr::Abi>::from_repr,
                                p1,
                            )
                            .value(),
                    ),
                )
            };
            unsafe {
                __lcr::request(
                    self,
                    0,
                    (
                        __lcr::lower(<&str as __lcr::Abi>::into_repr, prefix),
                        __lcr::lower(
                            <__lcr::BorrowedCallback as __lcr::Abi>::into_repr,
                            __lcr::BorrowedCallback::new(&f_callback),
                        ),
                    ),
                    |(a0, a1)| (
                        __lcr::lift(<&str as __lcr::Abi>::from_repr, a0),
                        __lcr::lift(
                            <__lcr::BorrowedCallback as __lcr::Abi>::from_repr,
                            a1,
                        ),
                    ),
                    |value| {
                        let memory_of_the_component = __lcr::Memory;
                        __lcr::receive(
                                &memory_of_the_component,
                                <() as __lcr::Abi>::from_repr,
                                value,
                            )
                            .value()
                    },
                    |fault| (&&__lcr::Tag::<()>::new()).raise_lcr_fault(fault),
                )
            }
        }
        #[inline(always)]
        fn __lcr_call_watch<'a>(
            &'a self,
            view: View<'a>,
            call: Box<dyn for<'x> Fn(&'x str) + Send>,
        ) -> u64 {
            let call_callback = move |(p0,)| unsafe {
                let argument_1_lent_to_call = __lcr::Memory;
                __lcr::lower(
                    <() as __lcr::Abi>::into_repr,
                    call(
                        __lcr::receive(
                                &argument_1_lent_to_call,
                                <&'_ str as __lcr::Abi>::from_repr,
                                p0,
                            )
                            .value(),
                    ),
                )
            };
            unsafe {
                __lcr::request_or_default(
                    self,
                    1,
                    (
                        __lcr::lower(<View<'a> as __lcr::Abi>::into_repr, view),
                        __lcr::lower(
                            <__lcr::BoxedCallback as __lcr::Abi>::into_repr,
                            __lcr::BoxedCallback::new(call_callback),
                        ),
                    ),
                    |(a0, a1)| (
                        __lcr::lift(<View<'a> as __lcr::Abi>::from_repr, a0),
                        __lcr::lift(<__lcr::BoxedCallback as __lcr::Abi>::from_repr, a1),
                    ),
                    |value| {
                        let memory_of_the_component = __lcr::Memory;
                        __lcr::receive(
                                &memory_of_the_component,
                                <u64 as __lcr::Abi>::from_repr,
                                value,
                            )
                            .value()
                    },
                    |(a0, a1)| __LcrDefaults::__lcr_default_watch(
                        self,
                        a0,
                        __lcr::Box::new({
                            let callback = a1;
                            move |p0: &'_ str| -> () {
                                unsafe {
                                    let memory_of_the_callback = __lcr::Memory;
                                    __lcr::receive(
                                            &memory_of_the_callback,
                                            <() as __lcr::Abi>::from_repr,
                                            __lcr::BoxedCallback::call(
                                                &callback,
                                                (__lcr::lower(<&'_ str as __lcr::Abi>::into_repr, p0),),
                                            ),
                                        )
                                        .value()
                                }
                            }
                        }),
                    ),
                    |fault| (&&__lcr::Tag::<u64>::new()).raise_lcr_fault(fault),
                )
            }
        }
    }
    impl<
        '__lcr,
        __LcrT: Watch + __lcr::Callee<Interface = dyn Watch + '__lcr>,
    > __LcrCalls<'__lcr> for __LcrT {}
    #[automatically_derived]
    impl Watch for __lcr::Handle<dyn Watch + '_> {
        #[inline]
        fn each(&self, prefix: &str, f: &dyn Fn(&str, u64) -> bool) {
            __LcrCalls::__lcr_call_each(self, prefix, f)
        }
        #[inline]
        fn watch<'a>(
            &'a self,
            view: View<'a>,
            call: Box<dyn for<'x> Fn(&'x str) + Send>,
        ) -> u64 {
            __LcrCalls::__lcr_call_watch(self, view, call)
        }
    }
    #[automatically_derived]
    impl Watch for __lcr::Pinned<dyn Watch + '_> {
        #[inline]
        fn each(&self, prefix: &str, f: &dyn Fn(&str, u64) -> bool) {
            __LcrCalls::__lcr_call_each(self, prefix, f)
        }
        #[inline]
        fn watch<'a>(
            &'a self,
            view: View<'a>,
            call: Box<dyn for<'x> Fn(&'x str) + Send>,
        ) -> u64 {
            __LcrCalls::__lcr_call_watch(self, view, call)
        }
    }
};
