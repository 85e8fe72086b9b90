//! The arguments of `lcr edit`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{Commit, Source};

/// `lcr edit`
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("how").args(["file", "inject", "clause"]),
    after_help = "\
Without --file, --inject and --clause, the text is opened in $VISUAL or $EDITOR.
The component must be built with the feature `source` of lcr, and its interface declared with `patches`.
The new text becomes a patch library, built by cargo in the workspace of the interface, and put in as by `lcr replace`;
`lcr remove edit-METHOD` takes it off. Comments and layout stay as they are."
)]
pub(crate) struct Edit {
    /// The method, by interface and method, such as kv.store.get
    pub(crate) method: String,
    /// Take the new text from a file; the signature must be the same
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Put a statement in front of the body (before), in front of its statement of that number (the first is 1), or
    /// behind it (after), where `result` is what the method returns, and may be changed
    #[arg(long, num_args = 2, value_names = ["before|after|NUMBER", "STATEMENT"], allow_hyphen_values = true)]
    pub(crate) inject: Vec<String>,
    /// Put an arm, such as '0 => None', into the match that the body ends with, as the one of that number
    #[arg(long, num_args = 2, value_names = ["NUMBER", "ARM"], allow_hyphen_values = true)]
    pub(crate) clause: Vec<String>,
    /// Print the new text; nothing is changed
    #[arg(long, requires = "how")]
    pub(crate) print: bool,
    /// The component. Default: the only one that implements the interface
    #[arg(long, value_name = "NAME", conflicts_with = "library")]
    pub(crate) component: Option<String>,
    /// Read the text of a library file, without running it, and of no process
    #[arg(long, value_name = "LIBRARY", requires = "print", conflicts_with_all = ["pid", "name", "uid", "socket"])]
    pub(crate) library: Option<PathBuf>,
    /// The Cargo.toml, or its folder, of the workspace with the interface. Default: that of the working directory
    #[arg(long, value_name = "PATH", help_heading = "Build")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// The package that declares the interface. Default: the one of the workspace that does
    #[arg(long, value_name = "PACKAGE", help_heading = "Build")]
    pub(crate) interface_crate: Option<String>,
    /// The trait, by its path in that package, such as store::Store. Default: where it is declared
    #[arg(long = "trait", value_name = "PATH", help_heading = "Build")]
    pub(crate) interface_trait: Option<String>,
    /// What else the text uses, such as std::collections::HashMap. What the package exports is in scope
    #[arg(long = "use", value_name = "PATH", help_heading = "Build")]
    pub(crate) uses: Vec<String>,
    /// Build with optimisations
    #[arg(long, help_heading = "Build")]
    pub(crate) release: bool,
    #[command(flatten)]
    pub(crate) commit: Commit,
    /// What cargo is given beside
    #[arg(last = true, value_name = "CARGO")]
    pub(crate) cargo: Vec<String>,
}

impl Edit {
    /// What asks for the text.
    pub(crate) fn source(&self) -> Source {
        Source {
            method: Some(self.method.clone()),
            component: self.component.clone(),
            file: self.library.clone(),
            ast: false,
            target: self.commit.target.clone(),
        }
    }
}
