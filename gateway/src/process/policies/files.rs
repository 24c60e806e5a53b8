//! The files of a policy directory. Each is read once: what is compared with a signed manifest is what is parsed.

use std::fs::DirEntry;
use std::path::Path;

use gaccong_policy::{Source, Sources};

use crate::config::diagnostic::Diagnostic;
use crate::config::source::{read_bytes_bounded, unreadable};

/// How deep below the policy directory files are looked for.
const MAX_DEPTH: usize = 8;
/// How the names of files of properties end.
const PROPERTIES: &str = ".properties.cedar";
/// The most files.
const MAX_FILES: usize = 50_000;
/// The most bytes of one file.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// The most bytes of all files together.
const MAX_TOTAL_BYTES: usize = 64 << 20;

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path relative to the policy directory, its parts divided by `/`.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Which files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those that policies are loaded from.
    Sources,
    /// Those of properties that are to be proven.
    Properties,
    /// All: a signed directory has none that is not signed.
    All,
}

/// Reads the files below `directory` in the order of their names. Hidden files and folders (those of editors, of version
/// control, and of Kubernetes' mounts) are passed over.
///
/// # Errors
/// A folder or file that cannot be read, or a bound that is broken.
pub fn read(directory: &Path, wanted: Wanted) -> Result<Vec<File>, Box<Diagnostic>> {
    let mut reading = Reading { directory, wanted, files: Vec::new(), bytes: 0 };
    reading.folder("", MAX_DEPTH)?;
    reading.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(reading.files)
}

/// What of `files` policies are loaded from.
///
/// # Errors
/// A file that is not text.
pub fn sources(directory: &Path, files: Vec<File>) -> Result<Sources, Box<Diagnostic>> {
    let mut sources = Sources::default();
    for file in files {
        if let Some(of_kind) = kind(&file.name, &mut sources) {
            of_kind.push(source(directory, file)?);
        }
    }
    Ok(sources)
}

/// A file as text.
///
/// # Errors
/// It is none.
pub fn source(directory: &Path, File { name, bytes }: File) -> Result<Source, Box<Diagnostic>> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(error) => {
            let message = format!("byte {} is not UTF-8 text", error.utf8_error().valid_up_to() + 1);
            Err(Box::new(Diagnostic::of_file(directory.join(&name), message)))
        }
    }
}

/// Where the file of this name belongs.
fn kind<'s>(name: &str, sources: &'s mut Sources) -> Option<&'s mut Vec<Source>> {
    let kinds = [
        // Properties are no policies: a `permit` among them must never permit anything.
        (PROPERTIES, None),
        (".cedar", Some(&mut sources.policies)),
        (".cedarschema", Some(&mut sources.schema_extensions)),
        (".links.json", Some(&mut sources.links)),
    ];
    kinds.into_iter().find(|(ending, _)| name.ends_with(ending))?.1
}

/// Whether the file of this name contains properties that are to be proven.
fn is_properties(name: &str) -> bool {
    name.ends_with(PROPERTIES)
}

struct Reading<'a> {
    directory: &'a Path,
    wanted: Wanted,
    files: Vec<File>,
    bytes: usize,
}

impl Reading<'_> {
    fn folder(&mut self, below: &str, depth: usize) -> Result<(), Box<Diagnostic>> {
        let folder = if below.is_empty() { self.directory.to_owned() } else { self.directory.join(below) };
        let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<DirEntry>, _>>);
        for entry in entries.map_err(|error| Box::new(unreadable(&folder, &error)))? {
            let path = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                return Err(Box::new(Diagnostic::of_file(&path, "the name is not UTF-8 text")));
            };
            if name.starts_with('.') {
                continue;
            }
            let name = if below.is_empty() { name } else { format!("{below}/{name}") };
            if !path.is_dir() {
                self.file(&path, name)?;
            } else if depth == 0 {
                return Err(Box::new(Diagnostic::of_file(&path, "the policy directory is nested too deeply")));
            } else {
                self.folder(&name, depth - 1)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String) -> Result<(), Box<Diagnostic>> {
        let is_wanted = match self.wanted {
            Wanted::Sources => kind(&name, &mut Sources::default()).is_some(),
            Wanted::Properties => is_properties(&name),
            Wanted::All => true,
        };
        if !is_wanted {
            return Ok(());
        }
        let bytes = read_bytes_bounded(path, MAX_FILE_BYTES).map_err(|error| Box::new(unreadable(path, &error)))?;
        self.bytes += bytes.len();
        if self.files.len() == MAX_FILES || self.bytes > MAX_TOTAL_BYTES {
            let message = format!("more than {MAX_FILES} files or {MAX_TOTAL_BYTES} bytes");
            return Err(Box::new(Diagnostic::of_file(self.directory, message)));
        }
        self.files.push(File { name, bytes });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn hidden_files_are_passed_over_and_names_are_relative() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("apps/payroll")).unwrap();
        fs::create_dir_all(folder.path().join("..data")).unwrap();
        for name in
            ["z.cedar", "apps/payroll/a.cedar", ".hidden.cedar", "..data/z.cedar", "notes.txt", "a.properties.cedar"]
        {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let names = |wanted| -> Vec<String> {
            read(folder.path(), wanted).unwrap().into_iter().map(|file| file.name).collect()
        };
        assert_eq!(names(Wanted::Sources), ["apps/payroll/a.cedar", "z.cedar"]);
        assert_eq!(names(Wanted::Properties), ["a.properties.cedar"]);
        assert_eq!(names(Wanted::All), ["a.properties.cedar", "apps/payroll/a.cedar", "notes.txt", "z.cedar"]);
    }

    #[test]
    fn a_policy_that_is_not_text_is_refused() {
        let files = vec![File { name: "a.cedar".to_owned(), bytes: vec![b'a', 0xff] }];
        let error = sources(Path::new("/policies"), files).unwrap_err();
        assert_eq!(error.to_string(), "/policies/a.cedar: byte 2 is not UTF-8 text");
    }
}
