//! The way out of each refusal, in a module of the refused case's name.

mod components;
mod interfaces;
mod layouts;
mod values;
