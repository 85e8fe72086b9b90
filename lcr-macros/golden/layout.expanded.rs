pub struct Session<T> {
    user: String,
    pages: Vec<Page>,
    extra: T,
}
#[allow(deprecated, private_bounds, unreachable_code, unreachable_patterns)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    #[allow(dead_code)]
    struct __LcrProbe {
        f0: u8,
        f1: u8,
        f2: u8,
        f3: u8,
        f4: u8,
        f5: u8,
        f6: u8,
        f7: u8,
        f8: u8,
        f9: u8,
        f10: u8,
        f11: u8,
    }
    const __LCR_IS_FIXED: bool = true
        && ::core::mem::offset_of!(__LcrProbe, f0) == 0usize
        && ::core::mem::offset_of!(__LcrProbe, f1) == 1usize
        && ::core::mem::offset_of!(__LcrProbe, f2) == 2usize
        && ::core::mem::offset_of!(__LcrProbe, f3) == 3usize
        && ::core::mem::offset_of!(__LcrProbe, f4) == 4usize
        && ::core::mem::offset_of!(__LcrProbe, f5) == 5usize
        && ::core::mem::offset_of!(__LcrProbe, f6) == 6usize
        && ::core::mem::offset_of!(__LcrProbe, f7) == 7usize
        && ::core::mem::offset_of!(__LcrProbe, f8) == 8usize
        && ::core::mem::offset_of!(__LcrProbe, f9) == 9usize
        && ::core::mem::offset_of!(__LcrProbe, f10) == 10usize
        && ::core::mem::offset_of!(__LcrProbe, f11) == 11usize;
    #[automatically_derived]
    unsafe impl<T: __lcr::Layout<Itself = T>> __lcr::Layout for Session<T> {
        type Itself = Self;
        const MEMORY: __lcr::InMemory = {
            let _ = |it: &Self| {
                let Self { user: _, pages: _, extra: _ } = it;
                let _: *const <String as __lcr::Layout>::Itself = &raw const it.user;
                let _: *const <Vec<Page> as __lcr::Layout>::Itself = &raw const it.pages;
                let _: *const <T as __lcr::Layout>::Itself = &raw const it.extra;
            };
            __lcr::InMemory::of::<
                Self,
            >(
                __lcr::Kind::Struct,
                "Session",
                &[
                    __lcr::Part::new(
                        "user",
                        ::core::mem::offset_of!(Self, user) as i64,
                        <String as __lcr::Layout>::MEMORY.shape(),
                    ),
                    __lcr::Part::new(
                        "pages",
                        ::core::mem::offset_of!(Self, pages) as i64,
                        <Vec<Page> as __lcr::Layout>::MEMORY.shape(),
                    ),
                    __lcr::Part::new(
                        "extra",
                        ::core::mem::offset_of!(Self, extra) as i64,
                        <T as __lcr::Layout>::MEMORY.shape(),
                    ),
                ],
                &[
                    &<String as __lcr::Layout>::MEMORY,
                    &<Vec<Page> as __lcr::Layout>::MEMORY,
                    &<T as __lcr::Layout>::MEMORY,
                ],
                __LCR_IS_FIXED,
            )
        };
    }
};
#[repr(u8)]
enum Page {
    Front = 3,
    Entry { number: u32, children: Vec<Page> },
}
#[allow(deprecated, private_bounds, unreachable_code, unreachable_patterns)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    #[allow(dead_code)]
    struct __LcrProbe {
        f0: u8,
        f1: u8,
        f2: u8,
        f3: u8,
        f4: u8,
        f5: u8,
        f6: u8,
        f7: u8,
        f8: u8,
        f9: u8,
        f10: u8,
        f11: u8,
    }
    const __LCR_IS_FIXED: bool = true
        && ::core::mem::offset_of!(__LcrProbe, f0) == 0usize
        && ::core::mem::offset_of!(__LcrProbe, f1) == 1usize
        && ::core::mem::offset_of!(__LcrProbe, f2) == 2usize
        && ::core::mem::offset_of!(__LcrProbe, f3) == 3usize
        && ::core::mem::offset_of!(__LcrProbe, f4) == 4usize
        && ::core::mem::offset_of!(__LcrProbe, f5) == 5usize
        && ::core::mem::offset_of!(__LcrProbe, f6) == 6usize
        && ::core::mem::offset_of!(__LcrProbe, f7) == 7usize
        && ::core::mem::offset_of!(__LcrProbe, f8) == 8usize
        && ::core::mem::offset_of!(__LcrProbe, f9) == 9usize
        && ::core::mem::offset_of!(__LcrProbe, f10) == 10usize
        && ::core::mem::offset_of!(__LcrProbe, f11) == 11usize;
    struct __LcrAgain(::core::marker::PhantomData<fn() -> Page>);
    unsafe impl __lcr::Layout for __LcrAgain {
        type Itself = Page;
        const MEMORY: __lcr::InMemory = __lcr::InMemory::again("^Page repr (u8)");
    }
    #[automatically_derived]
    unsafe impl __lcr::Layout for Page {
        type Itself = Self;
        const MEMORY: __lcr::InMemory = {
            let _ = |it: &Self| {
                match it {
                    Self::Front {} => {}
                    Self::Entry { number: f0, children: f1 } => {
                        let _: *const <u32 as __lcr::Layout>::Itself = f0;
                        let _: *const <Vec<__LcrAgain> as __lcr::Layout>::Itself = f1;
                    }
                }
            };
            __lcr::InMemory::of::<
                Self,
            >(
                __lcr::Kind::Enum,
                "Page repr (u8)",
                &[
                    __lcr::Part::new(
                        "Front",
                        {
                            const __LCR_BASE: ::core::primitive::u8 = 3;
                            __LCR_BASE as i64
                        },
                        &__lcr::Shape::of::<()>(__lcr::Kind::Variant, "Front", &[]),
                    ),
                    __lcr::Part::new(
                        "Entry",
                        {
                            const __LCR_BASE: ::core::primitive::u8 = 3;
                            (__LCR_BASE + 1) as i64
                        },
                        &__lcr::Shape::of::<
                            (),
                        >(
                            __lcr::Kind::Variant,
                            "Entry",
                            &[
                                __lcr::Part::new(
                                    "number",
                                    0,
                                    <u32 as __lcr::Layout>::MEMORY.shape(),
                                ),
                                __lcr::Part::new(
                                    "children",
                                    0,
                                    <Vec<__LcrAgain> as __lcr::Layout>::MEMORY.shape(),
                                ),
                            ],
                        ),
                    ),
                ],
                &[
                    &<u32 as __lcr::Layout>::MEMORY,
                    &<Vec<__LcrAgain> as __lcr::Layout>::MEMORY,
                ],
                __LCR_IS_FIXED,
            )
        };
    }
};
