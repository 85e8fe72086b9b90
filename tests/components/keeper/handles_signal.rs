//! A keeper whose image may be unmapped, but for a signal handler that it leaves behind.

lcr_tests::keeper!(unload);

#[used]
#[unsafe(link_section = ".init_array")]
static HANDLE: extern "C" fn() = handle;

extern "C" fn handle() {
    unsafe extern "C" {
        fn signal(signal: i32, handler: extern "C" fn(i32)) -> usize;
    }
    extern "C" fn nothing(_: i32) {}
    const SIGUSR2: i32 = 12;
    // SAFETY: the handler does nothing.
    unsafe { signal(SIGUSR2, nothing) };
}
