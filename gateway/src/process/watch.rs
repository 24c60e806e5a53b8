//! Watching: a change of any file that the configuration names asks for a reload.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::RwLock;
use tokio::sync::Notify;

/// A watch on files and on everything below a directory of policies.
///
/// What is watched are the folders: editors and configuration tools replace files rather than write into them.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    watched: Arc<RwLock<BTreeSet<PathBuf>>>,
}

impl Watch {
    /// A watch on `paths` that notifies `changed`.
    pub fn new(paths: &[PathBuf], changed: Arc<Notify>) -> notify::Result<Self> {
        let watched = Arc::new(RwLock::new(BTreeSet::new()));
        let seen = Arc::clone(&watched);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) if concerns(&event, &seen.read()) => changed.notify_one(),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot watch files; reload with SIGHUP"),
        })?;
        let mut watch = Self { watcher, folders: BTreeSet::new(), watched };
        watch.set(paths);
        Ok(watch)
    }

    /// Watches `paths` from now on.
    pub fn set(&mut self, paths: &[PathBuf]) {
        let watched: BTreeSet<PathBuf> = paths.iter().map(|path| canonical(path)).collect();
        let mut folders = BTreeSet::new();
        for path in &watched {
            folders.extend(if path.is_dir() { Some(path.clone()) } else { path.parent().map(Path::to_owned) });
        }
        for gone in self.folders.difference(&folders) {
            // A folder that is gone needs no unwatching.
            let _ = self.watcher.unwatch(gone);
        }
        for new in folders.difference(&self.folders) {
            let mode = if watched.contains(new) { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            if let Err(error) = self.watcher.watch(new, mode) {
                tracing::warn!(folder = %new.display(), %error, "cannot watch; reload with SIGHUP");
            }
        }
        self.folders = folders;
        *self.watched.write() = watched;
    }
}

/// The folder's real path; the name within it stays, also where it is a link.
fn canonical(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.canonicalize().unwrap_or_else(|_| path.to_owned());
    }
    match (path.parent().and_then(|parent| parent.canonicalize().ok()), path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path.to_owned(),
    }
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
}
