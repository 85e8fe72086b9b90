//! State that a component keeps in a [`State`](cell::State), and that moves to its successor as it lies in memory.
//!
//! | file | has |
//! |---|---|
//! | `cell` | `State<T>`: a lock around a box that can be taken out and given to another image |
//! | `layout` | `Layout`: the description of a type as it lies in memory |
//! | `std_types` | that description for types of `core`, `alloc` and `std` |
//! | `tracked` | the description of tracked containers |
//! | `keeping` | the C functions by which a host takes, gives, saves and loads a state |
//!
//! # Why a box may change images
//!
//! Two images have two types, `T` of the old one and `T'` of the new one. The host gives a `Box<T>` to the new
//! image as a `Box<T'>` only if all of this holds:
//!
//! 1. **One compiler.** Both images name the same compiler by version and commit, and the same target. So both have
//!    the same `std`: equal names of its types with equal parameters are equal types. Flags of a compiler can change
//!    layouts (`-Zrandomize-layout`). They show in probes: types whose fields the compiler leaves in their order
//!    unless it was told otherwise. A description whose probes fail is kept out of the manifest.
//! 2. **Equal descriptions.** [`Layout`](layout::Layout) describes a type down to scalars and types of `std`: a struct
//!    by the names, offsets and descriptions of its fields, an enum by its variants, their discriminants and fields,
//!    everything by size, alignment and `#[repr(..)]`. The compiler computes sizes and offsets, and proves that the
//!    fields which are listed are those of the type, each by its type (`lcr-macros/src/layout`). Three things are not
//!    to be had so: offsets inside an enum, which niche of a type an enum around it uses, and what types of std and
//!    tuples are around a type that contains itself (`Vec<(u8, Node)>` in a `Node` is described around a mark). For one
//!    compiler all of them are functions of what is described. A type of an author's never stands around a mark: bounds
//!    refuse it. So `T` and `T'` have the same valid bytes, and the same destructors run for their parts. The
//!    description of a type with an attribute that may be a macro (`lcr-macros/src/layout/attributes.rs`) is kept out
//!    of the manifest as well, and its state is copied.
//! 3. **One allocator.** What the old image allocated, the new one will free. At load time the host has one image make
//!    and free blocks of many sizes and alignments, by each function of an allocator, and the other one ask for such
//!    blocks (`host/image/allocator`). It counts as the same allocator only if each block comes back, in both
//!    directions: the two images use one list of free blocks. What lies between the requests that are tried is the word
//!    of whoever wrote a `GlobalAlloc` (`docs/soundness.md`).
//! 4. **Equal versions.** `state_version` says that fields of the same layout mean the same. It is not needed for
//!    memory safety; a raised version sends the state by `migrate`.
//!
//! `TypeId` could not decide this: it stays equal where a field's type changes, and it changes with the version of a
//! crate that nothing else changed in.
//!
//! # What may point into the old image
//!
//! | in the state | points into the image | moves by pointer |
//! |---|---|---|
//! | numbers, text, `Vec`, `Box`, `BTreeMap`, `Option` and the like | never | yes |
//! | `HashMap`, `HashSet`, `Arc<[T]>`, `Arc<str>` | to a static of std while empty | yes, and the images stay mapped |
//! | [`Tracked`](crate::Tracked) | as the container inside | yes |
//! | `&'static T` | to a static | yes, and the images stay mapped |
//! | function pointers, `dyn Trait` | to code and vtables, whose traits nothing describes | no: they have no `Layout` |
//! | [`Handle`](crate::Handle), [`Bytes`](crate::Bytes) | to functions that one image was linked with | no |
//! | `JoinHandle`, `ThreadId`, channels, locks of a thread | std of each image counts threads for itself | no |
//! | `Rc`, `MutexGuard` | | no: a state is `Send` |
//! | raw pointers | nobody knows | no |
//!
//! A value with a pointer into an image may leave the state: the new component may copy a `&'static str` to a static
//! of its own. So both images stay mapped for as long as the process lives, whatever `unload` says. The runtime
//! counts such images in its status. A state that cannot point into an image keeps none.
//!
//! # Who has the box
//!
//! A `State` is *here* (it has its box), *away* (the host has the box) or *gone* (a successor has the box). Only a
//! host changes that, and it takes a box only when it gets the lock, so no guard exists then:
//!
//! ```text
//! here --take--> away --give--> here
//!                away --end---> gone
//! ```
//!
//! While a box is away, no code of a component runs that could see the value, and the host holds the address under its
//! state lock. So it can give it back, whatever ends the transaction. A thread of a component that asks for a state
//! that is away waits: it looks again and again, and has the lock for the time of a look. The host's `give` does not
//! wait for a look; the host repeats it. It ends the waiting by `give` or `end`. In the child of a `fork` a thread may
//! be missing that had the lock; there the host tries once, and else the state is lost, as what any lock protects that
//! such a thread had. Whoever is given the box drops it, with the code of its own image; an instance whose state is
//! gone drops nothing.

pub mod cell;
mod downgrading;
pub mod keeping;
pub mod layout;
mod std_types;
mod tracked;
