//! Files of components: which ones are refused, what is copied with them, and what becomes of them
//! while they are loaded.

mod beside;
mod hostile;
mod loaded_files;
mod trusted;
