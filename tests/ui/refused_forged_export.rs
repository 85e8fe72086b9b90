//! What vouches for functions or layouts is `unsafe`, also for code that names the door for
//! generated code.

#![forbid(unsafe_code)]

use lcr::__private::v0_1_0 as door;

static EXPORT: door::Export = door::Export::new::<(), door::Bare>(b"a manifest", &[], <() as door::DefaultCreate>::CREATE);

door::inventory::submit! { door::Registration(&EXPORT) }
door::inventory::submit! { door::Registration::new(&EXPORT) }

struct Forged;

extern "C" fn create(_: *const door::RawContext) -> door::Created {
    unreachable!()
}

impl door::DefaultCreate for Forged {
    const CREATE: unsafe extern "C" fn(*const door::RawContext) -> door::Created = create;
}

impl door::PlainField for Forged {}

fn main() {}
