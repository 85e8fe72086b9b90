pub struct View<'a, T: Clone> {
    pub key: &'a str,
    #[abi(secret)]
    values: Vec<T>,
}
#[allow(deprecated, private_bounds, trivial_bounds)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    #[doc(hidden)]
    #[repr(C)]
    pub struct __ViewRepr<F1> {
        f0: <&'static str as __lcr::Abi>::Repr,
        f1: F1,
    }
    #[automatically_derived]
    impl<F1: ::core::marker::Copy> ::core::clone::Clone for __ViewRepr<F1> {
        fn clone(&self) -> Self {
            *self
        }
    }
    #[automatically_derived]
    impl<F1: ::core::marker::Copy> ::core::marker::Copy for __ViewRepr<F1> {}
    #[automatically_derived]
    unsafe impl<'a, T: Clone + __lcr::Abi> __lcr::Abi for View<'a, T> {
        type Repr = __ViewRepr<<Vec<T> as __lcr::Abi>::Repr>;
        const SHAPE: &'static __lcr::Shape = &__lcr::Shape::of::<
            __lcr::Repr<Self>,
        >(
            __lcr::Kind::Struct,
            "View",
            &[
                __lcr::Part::new(
                    "key",
                    ::core::mem::offset_of!(__lcr::Repr < Self >, f0) as i64,
                    <&'a str as __lcr::Abi>::SHAPE,
                ),
                __lcr::Part::new(
                        "values",
                        ::core::mem::offset_of!(__lcr::Repr < Self >, f1) as i64,
                        <Vec<T> as __lcr::Abi>::SHAPE,
                    )
                    .secret(),
            ],
        );
        #[inline]
        fn into_repr(self) -> __lcr::Repr<Self> {
            let Self { key: f0, values: f1 } = self;
            __ViewRepr {
                f0: __lcr::lower(<&'a str as __lcr::Abi>::into_repr, f0),
                f1: __lcr::lower(<Vec<T> as __lcr::Abi>::into_repr, f1),
            }
        }
        #[inline]
        unsafe fn from_repr(repr: __lcr::Repr<Self>) -> Self {
            unsafe {
                Self {
                    key: __lcr::lift(<&'a str as __lcr::Abi>::from_repr, repr.f0),
                    values: __lcr::lift(<Vec<T> as __lcr::Abi>::from_repr, repr.f1),
                }
            }
        }
    }
    #[automatically_derived]
    impl<'a, T: Clone + __lcr::Abi> __lcr::MustNotImplementDrop for View<'a, T> {}
    #[automatically_derived]
    unsafe impl<
        'the_call,
        'a,
        T: Clone + __lcr::Abi + __lcr::Within<'the_call>,
    > __lcr::Within<'the_call> for View<'a, T>
    where
        'the_call: 'a,
        Vec<T>: __lcr::Within<'the_call>,
    {}
    #[allow(
        dead_code,
        clippy::extra_unused_lifetimes,
        clippy::extra_unused_type_parameters,
        clippy::multiple_bound_locations,
        clippy::type_complexity
    )]
    fn __lcr_fields_are_within<
        'the_call,
        'a,
        T: Clone + __lcr::Abi + __lcr::Within<'the_call>,
    >()
    where
        'the_call: 'a,
        Vec<T>: __lcr::Within<'the_call>,
    {
        use __lcr::Unproven as _;
        let _: fn(__lcr::Received<'the_call, &'a str>) -> &'a str = |field| {
            field.value()
        };
    }
};
struct Unit;
#[allow(deprecated, private_bounds, trivial_bounds)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    #[automatically_derived]
    unsafe impl __lcr::Abi for Unit {
        type Repr = __lcr::Repr<()>;
        const SHAPE: &'static __lcr::Shape = &__lcr::Shape::of::<
            __lcr::Repr<Self>,
        >(__lcr::Kind::Struct, "Unit", &[]);
        #[inline]
        fn into_repr(self) -> __lcr::Repr<Self> {
            __lcr::lower(<() as __lcr::Abi>::into_repr, ())
        }
        #[inline]
        unsafe fn from_repr(repr: __lcr::Repr<Self>) -> Self {
            let _ = repr;
            Self {}
        }
    }
    #[automatically_derived]
    impl __lcr::MustNotImplementDrop for Unit {}
    #[automatically_derived]
    unsafe impl<'the_call> __lcr::Within<'the_call> for Unit {}
    #[allow(
        dead_code,
        clippy::extra_unused_lifetimes,
        clippy::extra_unused_type_parameters,
        clippy::multiple_bound_locations,
        clippy::type_complexity
    )]
    fn __lcr_fields_are_within<'the_call>() {
        use __lcr::Unproven as _;
    }
};
#[repr(C)]
pub struct Point(f64, f64);
#[allow(deprecated)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    #[automatically_derived]
    unsafe impl __lcr::Abi for Point {
        type Repr = Self;
        const SHAPE: &'static __lcr::Shape = &__lcr::Shape::of::<
            Self,
        >(
            __lcr::Kind::Struct,
            "Point",
            &[
                __lcr::Part::new(
                    "0",
                    ::core::mem::offset_of!(Self, 0) as i64,
                    <f64 as __lcr::Abi>::SHAPE,
                ),
                __lcr::Part::new(
                    "1",
                    ::core::mem::offset_of!(Self, 1) as i64,
                    <f64 as __lcr::Abi>::SHAPE,
                ),
            ],
        );
        const PLAIN: bool = {
            __lcr::require_plain_field::<f64>();
            __lcr::require_plain_field::<f64>();
            true
        };
        #[inline(always)]
        fn into_repr(self) -> Self {
            self
        }
        #[inline(always)]
        unsafe fn from_repr(repr: Self) -> Self {
            repr
        }
    }
    #[automatically_derived]
    unsafe impl __lcr::Plain for Point {}
    #[automatically_derived]
    unsafe impl __lcr::Within<'_> for Point {}
};
#[repr(u8)]
enum Colour {
    Red = 1,
    Green,
}
#[allow(deprecated, private_bounds, trivial_bounds)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    #[automatically_derived]
    unsafe impl __lcr::Abi for Colour {
        type Repr = u32;
        const SHAPE: &'static __lcr::Shape = &__lcr::Shape::of::<
            __lcr::Repr<Self>,
        >(
            __lcr::Kind::Enum,
            "Colour",
            &[
                __lcr::Part::new(
                    "Red",
                    {
                        const __LCR_BASE: ::core::primitive::u8 = 1;
                        __LCR_BASE as i64
                    },
                    &__lcr::Shape::of::<()>(__lcr::Kind::Variant, "Red", &[]),
                ),
                __lcr::Part::new(
                    "Green",
                    {
                        const __LCR_BASE: ::core::primitive::u8 = 1;
                        (__LCR_BASE + 1) as i64
                    },
                    &__lcr::Shape::of::<()>(__lcr::Kind::Variant, "Green", &[]),
                ),
            ],
        );
        #[inline]
        fn into_repr(self) -> __lcr::Repr<Self> {
            match self {
                Self::Red { .. } => 0,
                Self::Green { .. } => 1,
            }
        }
        #[inline]
        unsafe fn from_repr(repr: __lcr::Repr<Self>) -> Self {
            match repr {
                0 => Self::Red {},
                1 => Self::Green {},
                tag => __lcr::bad_tag("Colour", tag),
            }
        }
    }
    #[automatically_derived]
    impl __lcr::MustNotImplementDrop for Colour {}
    #[automatically_derived]
    unsafe impl<'the_call> __lcr::Within<'the_call> for Colour {}
    #[allow(
        dead_code,
        clippy::extra_unused_lifetimes,
        clippy::extra_unused_type_parameters,
        clippy::multiple_bound_locations,
        clippy::type_complexity
    )]
    fn __lcr_fields_are_within<'the_call>() {
        use __lcr::Unproven as _;
    }
};
enum Event<T> {
    Nothing,
    Text(String, T),
    Moved { x: i32 },
}
#[allow(deprecated, private_bounds, trivial_bounds)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    #[doc(hidden)]
    #[repr(C)]
    pub struct __EventRepr1<F1> {
        f0: <String as __lcr::Abi>::Repr,
        f1: F1,
    }
    #[automatically_derived]
    impl<F1: ::core::marker::Copy> ::core::clone::Clone for __EventRepr1<F1> {
        fn clone(&self) -> Self {
            *self
        }
    }
    #[automatically_derived]
    impl<F1: ::core::marker::Copy> ::core::marker::Copy for __EventRepr1<F1> {}
    #[doc(hidden)]
    #[repr(C)]
    pub struct __EventRepr2 {
        f0: <i32 as __lcr::Abi>::Repr,
    }
    #[automatically_derived]
    impl ::core::clone::Clone for __EventRepr2 {
        fn clone(&self) -> Self {
            *self
        }
    }
    #[automatically_derived]
    impl ::core::marker::Copy for __EventRepr2 {}
    #[doc(hidden)]
    #[repr(C)]
    #[derive(::core::clone::Clone, ::core::marker::Copy)]
    pub union __EventPayload<V1: ::core::marker::Copy, V2: ::core::marker::Copy> {
        v1: V1,
        v2: V2,
    }
    #[automatically_derived]
    unsafe impl<T: __lcr::Abi> __lcr::Abi for Event<T> {
        type Repr = __lcr::Tagged<
            __EventPayload<__EventRepr1<<T as __lcr::Abi>::Repr>, __EventRepr2>,
        >;
        const SHAPE: &'static __lcr::Shape = &__lcr::Shape::of::<
            __lcr::Repr<Self>,
        >(
            __lcr::Kind::Enum,
            "Event",
            &[
                __lcr::Part::new(
                    "Nothing",
                    0,
                    &__lcr::Shape::of::<()>(__lcr::Kind::Variant, "Nothing", &[]),
                ),
                __lcr::Part::new(
                    "Text",
                    1,
                    &__lcr::Shape::of::<
                        __EventRepr1<<T as __lcr::Abi>::Repr>,
                    >(
                        __lcr::Kind::Variant,
                        "Text",
                        &[
                            __lcr::Part::new(
                                "0",
                                ::core::mem::offset_of!(__lcr::Payload < Self >, v1.f0)
                                    as i64,
                                <String as __lcr::Abi>::SHAPE,
                            ),
                            __lcr::Part::new(
                                "1",
                                ::core::mem::offset_of!(__lcr::Payload < Self >, v1.f1)
                                    as i64,
                                <T as __lcr::Abi>::SHAPE,
                            ),
                        ],
                    ),
                ),
                __lcr::Part::new(
                    "Moved",
                    2,
                    &__lcr::Shape::of::<
                        __EventRepr2,
                    >(
                        __lcr::Kind::Variant,
                        "Moved",
                        &[
                            __lcr::Part::new(
                                "x",
                                ::core::mem::offset_of!(__lcr::Payload < Self >, v2.f0)
                                    as i64,
                                <i32 as __lcr::Abi>::SHAPE,
                            ),
                        ],
                    ),
                ),
            ],
        );
        #[inline]
        fn into_repr(self) -> __lcr::Repr<Self> {
            match self {
                Self::Nothing { .. } => __lcr::Tagged::bare(0),
                Self::Text { 0: f0, 1: f1 } => {
                    __lcr::Tagged::with(
                        1,
                        __EventPayload {
                            v1: __EventRepr1 {
                                f0: __lcr::lower(<String as __lcr::Abi>::into_repr, f0),
                                f1: __lcr::lower(<T as __lcr::Abi>::into_repr, f1),
                            },
                        },
                    )
                }
                Self::Moved { x: f0 } => {
                    __lcr::Tagged::with(
                        2,
                        __EventPayload {
                            v2: __EventRepr2 {
                                f0: __lcr::lower(<i32 as __lcr::Abi>::into_repr, f0),
                            },
                        },
                    )
                }
            }
        }
        #[inline]
        unsafe fn from_repr(repr: __lcr::Repr<Self>) -> Self {
            match repr.tag {
                0 => Self::Nothing {},
                1 => {
                    unsafe {
                        let fields = repr.payload.assume_init().v1;
                        Self::Text {
                            0: __lcr::lift(<String as __lcr::Abi>::from_repr, fields.f0),
                            1: __lcr::lift(<T as __lcr::Abi>::from_repr, fields.f1),
                        }
                    }
                }
                2 => {
                    unsafe {
                        let fields = repr.payload.assume_init().v2;
                        Self::Moved {
                            x: __lcr::lift(<i32 as __lcr::Abi>::from_repr, fields.f0),
                        }
                    }
                }
                tag => __lcr::bad_tag("Event", tag),
            }
        }
    }
    #[automatically_derived]
    impl<T: __lcr::Abi> __lcr::MustNotImplementDrop for Event<T> {}
    #[automatically_derived]
    unsafe impl<
        'the_call,
        T: __lcr::Abi + __lcr::Within<'the_call>,
    > __lcr::Within<'the_call> for Event<T>
    where
        T: __lcr::Within<'the_call>,
    {}
    #[allow(
        dead_code,
        clippy::extra_unused_lifetimes,
        clippy::extra_unused_type_parameters,
        clippy::multiple_bound_locations,
        clippy::type_complexity
    )]
    fn __lcr_fields_are_within<'the_call, T: __lcr::Abi + __lcr::Within<'the_call>>()
    where
        T: __lcr::Within<'the_call>,
    {
        use __lcr::Unproven as _;
        let _: fn(__lcr::Received<'the_call, String>) -> String = |field| field.value();
        let _: fn(__lcr::Received<'the_call, i32>) -> i32 = |field| field.value();
    }
};
