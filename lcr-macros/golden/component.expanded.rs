impl Store for HashStore {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.map.get(key)
    }
}
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    const __LCR_DECLARATION: __lcr::Declaration = __lcr::Declaration {
        component: ::core::env!("CARGO_PKG_NAME"),
        component_version: ::core::env!("CARGO_PKG_VERSION"),
        type_name: "HashStore",
        interface: <dyn Store as __lcr::ServedBy<HashStore, __lcr::Bare>>::INTERFACE,
        replaces: &[],
        deps: &[],
        flags: __lcr::Flags {
            state: false,
            protected: false,
            unload: false,
            healthy: false,
            panic_abort: ::core::cfg!(panic = "abort"),
            incremental: false,
        },
        state_version: 0,
        kept: ::core::option::Option::None,
        source: ::core::option::Option::None,
        downgrades_to: &[],
    };
    const __LCR_LENGTH: usize = __lcr::manifest_len(&__LCR_DECLARATION);
    #[used]
    #[unsafe(link_section = ".lcr.manifest")]
    static __LCR_MANIFEST: [u8; __LCR_LENGTH] = __lcr::manifest_bytes(
        &__LCR_DECLARATION,
    );
    static __LCR_EXPORT: __lcr::Export = __lcr::Export::new::<
        HashStore,
        __lcr::Bare,
    >(
            &__LCR_MANIFEST,
            <dyn Store as __lcr::ServedBy<HashStore, __lcr::Bare>>::THUNKS,
            <HashStore as __lcr::DefaultCreate<__lcr::Bare>>::CREATE,
        )
        .with_crossings(
            <dyn Store as __lcr::ServedBy<HashStore, __lcr::Bare>>::SIGNATURES,
        )
        .shared_by_default::<HashStore, __lcr::Bare>();
    __lcr::inventory::submit! {
        unsafe { __lcr::Registration::new(& __LCR_EXPORT) }
    }
};
#[cfg(unix)]
impl ::kv::Store for Cache<u64> {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        None
    }
}
#[cfg(unix)]
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    const __LCR_DECLARATION: __lcr::Declaration = __lcr::Declaration {
        component: "kv-cache",
        component_version: "1.2.3",
        type_name: "Cache<u64>",
        interface: <dyn ::kv::Store as __lcr::ServedBy<
            Cache<u64>,
            __lcr::Bare,
        >>::INTERFACE,
        replaces: &[1],
        deps: &[__lcr::Need::of::<dyn Journal>(), __lcr::Need::of::<dyn other::Clock>()],
        flags: __lcr::Flags {
            state: true,
            protected: false,
            unload: true,
            healthy: true,
            panic_abort: ::core::cfg!(panic = "abort"),
            incremental: true,
        },
        state_version: <Cache<u64> as __lcr::Stateful>::STATE_VERSION,
        kept: ::core::option::Option::None,
        source: ::core::option::Option::None,
        downgrades_to: <Cache<u64> as __lcr::Stateful>::DOWNGRADES_TO,
    };
    struct __LcrIncremental;
    impl __lcr::IncrementalState for __LcrIncremental {
        type Component = Cache<u64>;
        const VERSION: u32 = <Cache<u64> as __lcr::Stateful>::STATE_VERSION;
        fn of(component: &Cache<u64>) -> &impl __lcr::LockIncremental {
            &component.entries
        }
    }
    const __LCR_LENGTH: usize = __lcr::manifest_len(&__LCR_DECLARATION);
    #[used]
    #[unsafe(link_section = ".lcr.manifest")]
    static __LCR_MANIFEST: [u8; __LCR_LENGTH] = __lcr::manifest_bytes(
        &__LCR_DECLARATION,
    );
    static __LCR_EXPORT: __lcr::Export = __lcr::Export::new::<
        Cache<u64>,
        __lcr::Bare,
    >(
            &__LCR_MANIFEST,
            <dyn ::kv::Store as __lcr::ServedBy<Cache<u64>, __lcr::Bare>>::THUNKS,
            {
                unsafe extern "C" fn __lcr_create(
                    context: *const __lcr::RawContext,
                ) -> __lcr::Created {
                    unsafe {
                        __lcr::create_with::<
                            Cache<u64>,
                            __lcr::Bare,
                            _,
                        >(context, <Cache<u64>>::open)
                    }
                }
                __lcr_create
            },
        )
        .with_crossings(
            <dyn ::kv::Store as __lcr::ServedBy<Cache<u64>, __lcr::Bare>>::SIGNATURES,
        )
        .shared_by::<Cache<u64>, __lcr::Bare, _, _>(&<Cache<u64>>::open)
        .with_healthy({
            unsafe extern "C" fn __lcr_healthy(instance: usize) -> __lcr::Verdict {
                unsafe {
                    __lcr::healthy_with::<
                        Cache<u64>,
                        __lcr::Bare,
                        _,
                    >(instance, health::check)
                }
            }
            __lcr_healthy
        })
        .with_state::<Cache<u64>, __lcr::Bare>()
        .with_incremental::<__LcrIncremental, __lcr::Bare>();
    __lcr::inventory::submit! {
        unsafe { __lcr::Registration::new(& __LCR_EXPORT) }
    }
};
impl Store for Kept {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        None
    }
}
const _: () = {
    use ::lcr::__private::v0_1_0 as __lcr;
    const __LCR_KEEPING: __lcr::Keeping = __lcr::KeptBy::<
        Kept,
        __lcr::Bare,
    >::downgrading(
        __lcr::KeptBy::<
            Kept,
            __lcr::Bare,
        >::keeping(
            |this: &Kept| __lcr::Keeps::state(&this.counts),
            |this: &Kept| {
                #[allow(unused_imports)]
                use __lcr::{Undescribed as _, Unwritten as _};
                let kept = __lcr::Kept::of(&this.counts);
                (kept.by_pointer(), kept.by_copy())
            },
            <Kept>::migrate,
        ),
        |this: &Kept| __lcr::Keeps::state(&this.counts),
        older,
    );
    static __LCR_STATE: __lcr::StateTable = __LCR_KEEPING.table;
    const __LCR_DECLARATION: __lcr::Declaration = __lcr::Declaration {
        component: ::core::env!("CARGO_PKG_NAME"),
        component_version: ::core::env!("CARGO_PKG_VERSION"),
        type_name: "Kept",
        interface: <dyn Store as __lcr::ServedBy<Kept, __lcr::Bare>>::INTERFACE,
        replaces: &[],
        deps: &[],
        flags: __lcr::Flags {
            state: true,
            protected: false,
            unload: false,
            healthy: false,
            panic_abort: ::core::cfg!(panic = "abort"),
            incremental: false,
        },
        state_version: 2,
        kept: ::core::option::Option::Some(__LCR_KEEPING.declared),
        source: ::core::option::Option::None,
        downgrades_to: &[1],
    };
    const __LCR_LENGTH: usize = __lcr::manifest_len(&__LCR_DECLARATION);
    #[used]
    #[unsafe(link_section = ".lcr.manifest")]
    static __LCR_MANIFEST: [u8; __LCR_LENGTH] = __lcr::manifest_bytes(
        &__LCR_DECLARATION,
    );
    static __LCR_EXPORT: __lcr::Export = __lcr::Export::new::<
        Kept,
        __lcr::Bare,
    >(
            &__LCR_MANIFEST,
            <dyn Store as __lcr::ServedBy<Kept, __lcr::Bare>>::THUNKS,
            <Kept as __lcr::DefaultCreate<__lcr::Bare>>::CREATE,
        )
        .with_crossings(<dyn Store as __lcr::ServedBy<Kept, __lcr::Bare>>::SIGNATURES)
        .shared_by_default::<Kept, __lcr::Bare>()
        .with_kept_state(&__LCR_STATE)
        .with_downgrade(__LCR_KEEPING.downgrade);
    __lcr::inventory::submit! {
        unsafe { __lcr::Registration::new(& __LCR_EXPORT) }
    }
};
