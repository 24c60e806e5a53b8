//! Watching: a change of any file that the configuration names asks for a reload.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

/// A watch on files and on everything below directories.
///
/// What is watched are the folders: editors and configuration tools replace files rather than write into them. It begins
/// before the files are read: what changes while they are read, or after, is noticed.
#[derive(Debug)]
pub struct Watch {
    folders: Mutex<Folders>,
    watched: Arc<RwLock<BTreeSet<PathBuf>>>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Folders {
    /// None where nothing can be watched.
    watcher: Option<RecommendedWatcher>,
    watching: BTreeMap<PathBuf, Folder>,
}

/// How a folder is watched. One that another was put in the place of is no longer the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Folder {
    mode: RecursiveMode,
    device_and_inode: (u64, u64),
}

impl Watch {
    /// A watch on one file so far.
    pub fn on(file: &Path) -> Self {
        let (watched, changed) = (Arc::new(RwLock::new(BTreeSet::new())), Arc::new(Notify::new()));
        let (seen, notified) = (Arc::clone(&watched), Arc::clone(&changed));
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) if concerns(&event, &seen.read()) => notified.notify_one(),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot watch files; reload with SIGHUP"),
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "cannot watch files; reload with SIGHUP");
        }
        let folders = Mutex::new(Folders { watcher: watcher.ok(), watching: BTreeMap::new() });
        let watch = Self { folders, watched, changed };
        watch.also(&[file.to_owned()]);
        watch
    }

    /// Waits for a change since the last one.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Watches `paths` too.
    pub fn also(&self, paths: &[PathBuf]) {
        let mut watched = self.watched.read().clone();
        watched.extend(paths.iter().flat_map(|path| places(path)));
        self.replace(watched);
    }

    /// Watches `paths` and nothing else.
    pub fn only(&self, paths: &[PathBuf]) {
        self.replace(paths.iter().flat_map(|path| places(path)).collect());
    }

    fn replace(&self, watched: BTreeSet<PathBuf>) {
        let after = folders(&watched);
        *self.watched.write() = watched;
        self.folders.lock().replace(after);
    }
}

impl Folders {
    fn replace(&mut self, after: BTreeMap<PathBuf, Folder>) {
        let Some(watcher) = &mut self.watcher else { return };
        for (gone, _) in self.watching.iter().filter(|(path, folder)| after.get(*path) != Some(*folder)) {
            // A folder that is gone needs no unwatching.
            let _ = watcher.unwatch(gone);
        }
        for (new, folder) in after.iter().filter(|(path, folder)| self.watching.get(*path) != Some(*folder)) {
            if let Err(error) = watcher.watch(new, folder.mode) {
                tracing::warn!(folder = %new.display(), %error, "cannot watch; reload with SIGHUP");
            }
        }
        self.watching = after;
    }
}

/// Where changes of a path are seen: at its name, and, where it is a directory, below what the name leads to.
fn places(path: &Path) -> Vec<PathBuf> {
    let named = path.parent().zip(path.file_name()).map(|(parent, name)| real(parent).join(name));
    named.into_iter().chain(path.is_dir().then(|| real(path))).collect()
}

fn real(folder: &Path) -> PathBuf {
    // The parent of a bare name.
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// The folders in which changes of these places are seen: what contains each, and all that is below a directory.
fn folders(watched: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, Folder> {
    let mut folders = BTreeMap::new();
    for place in watched {
        let is_directory = place.symlink_metadata().is_ok_and(|found| found.is_dir());
        let below = is_directory.then_some((&**place, RecursiveMode::Recursive));
        let beside = place.parent().map(|parent| (parent, RecursiveMode::NonRecursive));
        for (path, mode) in beside.into_iter().chain(below) {
            let Ok(found) = path.metadata() else { continue };
            let folder = Folder { mode, device_and_inode: (found.dev(), found.ino()) };
            let known = folders.entry(path.to_owned()).or_insert(folder);
            if mode == RecursiveMode::Recursive {
                *known = folder;
            }
        }
    }
    folders
}

fn concerns(event: &Event, watched: &BTreeSet<PathBuf>) -> bool {
    let changes = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_));
    changes && event.paths.iter().any(|path| path.ancestors().any(|place| watched.contains(place)) || is_swap(path))
}

/// Kubernetes changes mounted files by swapping the link `..data` beside them.
fn is_swap(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "..data")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use notify::event::{AccessKind, CreateKind, ModifyKind};

    use super::*;

    #[test]
    fn only_changes_of_what_is_named_concern_us() {
        let watched = BTreeSet::from([PathBuf::from("/etc/g/gaccong.toml"), PathBuf::from("/etc/g/policies")]);
        let concerned = |kind, path: &str| concerns(&Event::new(kind).add_path(path.into()), &watched);
        let modified = EventKind::Modify(ModifyKind::Any);
        assert!(concerned(modified, "/etc/g/gaccong.toml"));
        assert!(concerned(EventKind::Create(CreateKind::File), "/etc/g/policies/a/b.cedar"));
        assert!(concerned(EventKind::Create(CreateKind::Any), "/etc/g/..data"));
        assert!(!concerned(modified, "/etc/g/audit.jsonl"));
        assert!(!concerned(EventKind::Access(AccessKind::Any), "/etc/g/gaccong.toml"));
    }

    /// Waits until a change is noticed.
    async fn noticed(watch: &Watch) {
        tokio::time::timeout(Duration::from_secs(30), watch.changed()).await.expect("the change is noticed");
        // One change makes several events.
        while tokio::time::timeout(Duration::from_millis(100), watch.changed()).await.is_ok() {}
    }

    #[tokio::test]
    async fn a_directory_or_link_that_another_takes_the_place_of_is_watched_further() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for release in ["1", "2", "policies", "next"] {
            std::fs::create_dir(at(release)).unwrap();
        }
        std::os::unix::fs::symlink("1", at("current")).unwrap();
        let watched = [at("policies"), at("current")];
        let watch = Watch::on(&at("gaccong.toml"));
        watch.also(&watched);

        std::fs::rename(at("policies"), at("previous")).unwrap();
        std::fs::rename(at("next"), at("policies")).unwrap();
        noticed(&watch).await;
        watch.only(&watched);
        std::fs::write(at("policies/a.cedar"), "").unwrap();
        noticed(&watch).await;

        std::os::unix::fs::symlink("2", at("new")).unwrap();
        std::fs::rename(at("new"), at("current")).unwrap();
        noticed(&watch).await;
        watch.only(&watched);
        std::fs::write(at("2/a.cedar"), "").unwrap();
        noticed(&watch).await;
    }
}
