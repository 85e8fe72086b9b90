//! A keeper whose image may be unmapped, but for a key that a constructor takes of the process,
//! as an allocator's does.

lcr_tests::keeper!(unload);

#[used]
#[unsafe(link_section = ".init_array")]
static TAKE: extern "C" fn() = take;

extern "C" fn take() {
    unsafe extern "C" {
        fn pthread_key_create(key: *mut u32, destructor: Option<unsafe extern "C" fn(*mut u8)>) -> i32;
    }
    unsafe extern "C" fn end(_: *mut u8) {}
    let mut key = 0;
    // SAFETY: the pointer is valid, and `end` takes whatever the key's values are.
    unsafe { pthread_key_create(&raw mut key, Some(end)) };
}
