//! A folder for the moment, and the user's editor in it.

use std::{
    env, fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{self, Command},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::exit::{Failure, Status};

/// A folder of this user alone, which goes with the value unless a text of the user's is in it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    pub(super) fn new() -> Result<Folder, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let path = env::temp_dir().join(format!("lcr-edit-{}-{now}", process::id()));
        // What is there already is somebody else's.
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Failure::system(format!("{} cannot be made", path.display()), &error))?;
        Ok(Folder { path, is_kept: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a text in the editor of `VISUAL` or `EDITOR`. Returns the text with its file's name, which stays; `None`
    /// if the text is as it was.
    pub(super) fn edit(&mut self, method: &str, text: &str) -> Result<Option<(String, String)>, Failure> {
        let set = |name| env::var(name).ok().filter(|editor| !editor.trim().is_empty());
        let Some(editor) = set("VISUAL").or_else(|| set("EDITOR")) else {
            let text = "there is no editor: set EDITOR, or give the text by --file, --inject or --clause";
            return Err(Failure::usage(text.to_owned()));
        };
        let file = self.path.join(format!("{method}.rs"));
        let name = file.display().to_string();
        let failed = |error| Failure::system(name.clone(), &error);
        fs::write(&file, format!("{text}\n")).map_err(failed)?;
        // As git runs it: a command line, which may have arguments.
        let ended = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&file).status();
        let ended = ended.map_err(|error| Failure::system("sh", &error))?;
        if !ended.success() {
            let text = format!("the editor `{editor}` failed: {ended}; nothing is changed");
            return Err(Failure::new(Status::Failed, "no-edit", text));
        }
        let new = fs::read_to_string(&file).map_err(failed)?;
        if new.trim_end() == text.trim_end() {
            return Ok(None);
        }
        self.is_kept = true;
        Ok(Some((new, name)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_kept {
            // The user's text may be all that is left of their work.
            for name in ["Cargo.toml", "Cargo.lock", "lib.rs"] {
                let _ = fs::remove_file(self.path.join(name));
            }
        } else {
            // This value made the folder.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
