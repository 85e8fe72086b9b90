//! From a file to an image, without trusting the file.
//!
//! [`stage`] copies and checks a file, [`elf`] and [`reader`] read it, [`manifest`] and [`shape`] say what it
//! provides, [`source_text`] finds the text of its methods, [`link`] finds a handle's methods among an
//! implementation's, [`room`] measures whether one more image fits, [`allocator`] tries whether two images have
//! one, [`library`] is the only place that maps and unmaps, [`threads`] counts the threads, thread-locals and
//! thread keys of each image, and [`logs`] takes what images log, and their panics. This room knows no runtime.

pub(crate) mod allocator;
pub(crate) mod content_hash;
pub(in crate::host) mod elf;
pub(crate) mod library;
pub(crate) mod link;
pub(crate) mod logs;
pub(crate) mod manifest;
pub(in crate::host) mod reader;
pub(in crate::host) mod room;
pub(crate) mod shape;
pub(crate) mod source_text;
pub(crate) mod stage;
pub(in crate::host) mod threads;
