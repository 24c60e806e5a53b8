//! The embedded store: one file, crash-safe, open in one process at a time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
    WriteTransaction,
};

use super::migrate::{self, STEPS, Step, VERSION};
use super::{Store, StoreError, Table, Visit, Write};

/// Numbers about the store itself.
const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
const META_VERSION: &str = "version";
const META_SERIAL: &str = "serial";

/// Pages that redb keeps in memory. Entries are read once, so this serves writes only.
const CACHE_BYTES: usize = 16 << 20;

const fn definition(table: Table) -> TableDefinition<'static, &'static str, &'static [u8]> {
    TableDefinition::new(table.name())
}

/// The store in a file.
#[derive(Debug)]
pub struct Embedded {
    path: PathBuf,
    database: Database,
    serial: AtomicU64,
}

impl Embedded {
    /// Opens the store, makes it where there is none, and brings it to the newest version.
    ///
    /// # Errors
    /// The file is damaged, newer than this gateway, or open elsewhere; it is never taken for an empty one.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, STEPS)
    }

    fn open_with(path: &Path, steps: &[Step]) -> Result<Self, StoreError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| io(path, &error))?;
        }
        // An empty file is what is left of a full disk or a broken copy, never a store.
        if std::fs::metadata(path).is_ok_and(|found| found.len() == 0) {
            return Err(StoreError::Damaged { path: path.to_owned(), what: "it is empty".into() });
        }
        let is_new = !path.exists();
        let database =
            Database::builder().set_cache_size(CACHE_BYTES).create(path).map_err(|error| of_database(path, error))?;
        let store = Self { path: path.to_owned(), database, serial: AtomicU64::new(0) };
        if is_new {
            store.restrict()?;
            store.begin(1 + steps.len() as u64)?;
        }
        store.serial.store(store.meta(META_SERIAL)?, Ordering::Release);
        store.migrate(steps)?;
        Ok(store)
    }

    /// Reads the whole file and every checksum in it.
    ///
    /// # Errors
    /// As [`Self::open`], or what is damaged.
    pub fn check(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Io(format!("{}: no such file", path.display())));
        }
        let mut store = Self::open(path)?;
        match store.database.check_integrity() {
            Ok(true) => Ok(store),
            Ok(false) => Err(store.damaged("checksums did not match and had to be repaired")),
            Err(error) => Err(of_database(path, error)),
        }
    }

    /// Sets the serial, for a store that is made from an export.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn continue_from(&self, serial: u64) -> Result<(), StoreError> {
        let transaction = self.write()?;
        self.set_meta(&transaction, META_SERIAL, serial)?;
        transaction.commit().map_err(|error| self.failed(&error))?;
        self.serial.store(serial, Ordering::Release);
        Ok(())
    }

    /// It holds who is refused, and posture of people's devices: nobody else may read it.
    fn restrict(&self) -> Result<(), StoreError> {
        use std::os::unix::fs::PermissionsExt;
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&self.path, owner_only).map_err(|error| io(&self.path, &error))
    }

    fn begin(&self, version: u64) -> Result<(), StoreError> {
        let transaction = self.write()?;
        self.set_meta(&transaction, META_VERSION, version)?;
        self.set_meta(&transaction, META_SERIAL, 0)?;
        transaction.commit().map_err(|error| self.failed(&error))
    }

    fn migrate(&self, steps: &[Step]) -> Result<(), StoreError> {
        let version = self.meta(META_VERSION)?;
        let known = VERSION.max(1 + steps.len() as u64);
        let Some(steps) = migrate::steps_from(version, steps) else {
            return Err(StoreError::Newer { path: self.path.clone(), found: version, known });
        };
        for (step, version) in steps.iter().zip(version + 1..) {
            let mut entries = Vec::new();
            self.load(&mut |table, key, value| {
                entries.push((table, key.to_owned(), value.to_vec()));
                Ok(())
            })?;
            let writes = step(&entries)?;
            let transaction = self.write()?;
            self.set_meta(&transaction, META_VERSION, version)?;
            self.write_all(transaction, &writes)?;
            tracing::info!(version, entries = entries.len(), "the store was migrated");
        }
        Ok(())
    }

    fn meta(&self, key: &str) -> Result<u64, StoreError> {
        let table = self.read()?.open_table(META).map_err(|error| self.damaged(&error.to_string()))?;
        let value = table.get(key).map_err(|error| self.of_storage(&error))?;
        value.map(|value| value.value()).ok_or_else(|| self.damaged("it says nothing of its version"))
    }

    fn set_meta(&self, transaction: &WriteTransaction, key: &str, value: u64) -> Result<(), StoreError> {
        let mut table = transaction.open_table(META).map_err(|error| self.failed(&error))?;
        table.insert(key, value).map(drop).map_err(|error| self.of_storage(&error))
    }

    fn read(&self) -> Result<ReadTransaction, StoreError> {
        self.database.begin_read().map_err(|error| self.failed(&error))
    }

    fn write(&self) -> Result<WriteTransaction, StoreError> {
        self.database.begin_write().map_err(|error| self.failed(&error))
    }

    /// Writes and commits. Dropped before the commit, a transaction leaves nothing.
    fn write_all(&self, transaction: WriteTransaction, writes: &[Write]) -> Result<u64, StoreError> {
        let serial = self.serial() + 1;
        for write in writes {
            let mut table = transaction.open_table(definition(write.table)).map_err(|error| self.failed(&error))?;
            let written = match &write.value {
                Some(value) => table.insert(write.key.as_str(), value.as_slice()).map(drop),
                None => table.remove(write.key.as_str()).map(drop),
            };
            written.map_err(|error| self.of_storage(&error))?;
        }
        self.set_meta(&transaction, META_SERIAL, serial)?;
        transaction.commit().map_err(|error| self.failed(&error))?;
        self.serial.store(serial, Ordering::Release);
        Ok(serial)
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what: what.to_owned() }
    }

    fn failed(&self, error: &dyn std::error::Error) -> StoreError {
        StoreError::Io(format!("{}: {error}", self.path.display()))
    }

    fn of_storage(&self, error: &StorageError) -> StoreError {
        match error {
            StorageError::Corrupted(what) => self.damaged(what),
            error => self.failed(error),
        }
    }
}

impl Store for Embedded {
    fn serial(&self) -> u64 {
        self.serial.load(Ordering::Acquire)
    }

    fn load(&self, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let transaction = self.read()?;
        for table in Table::ALL {
            let opened = match transaction.open_table(definition(*table)) {
                Ok(opened) => opened,
                Err(redb::TableError::TableDoesNotExist(_)) => continue,
                Err(error) => return Err(self.damaged(&error.to_string())),
            };
            for entry in opened.iter().map_err(|error| self.of_storage(&error))? {
                let (key, value) = entry.map_err(|error| self.of_storage(&error))?;
                visit(*table, key.value(), value.value())?;
            }
        }
        Ok(())
    }

    fn commit(&self, writes: &[Write]) -> Result<u64, StoreError> {
        let mut transaction = self.write()?;
        // Two phases, so that no crash needs checksums of half a commit to tell which state is whole.
        transaction.set_two_phase_commit(true);
        self.write_all(transaction, writes)
    }
}

fn of_database(path: &Path, error: DatabaseError) -> StoreError {
    let damaged = |what: String| StoreError::Damaged { path: path.to_owned(), what };
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Taken(path.to_owned()),
        DatabaseError::Storage(StorageError::Corrupted(what)) => damaged(what),
        DatabaseError::RepairAborted | DatabaseError::UpgradeRequired(_) => damaged(error.to_string()),
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) =>
        {
            damaged(error.to_string())
        }
        error => StoreError::Io(format!("{}: {error}", path.display())),
    }
}

fn io(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn put(key: &str, value: &str) -> Write {
        Write { table: Table::Revocations, key: key.into(), value: Some(value.into()) }
    }

    fn entries(store: &Embedded) -> Vec<(String, String)> {
        let mut entries = Vec::new();
        store
            .load(&mut |_, key, value| {
                entries.push((key.to_owned(), String::from_utf8_lossy(value).into_owned()));
                Ok(())
            })
            .unwrap();
        entries
    }

    #[test]
    fn what_was_committed_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/store.redb");
        let store = Embedded::open(&path).unwrap();
        assert_eq!(store.commit(&[put("a", "1"), put("b", "2")]).unwrap(), 1);
        let remove = Write { value: None, ..put("a", "") };
        assert_eq!(store.commit(&[remove]).unwrap(), 2);
        assert!(matches!(Embedded::open(&path), Err(StoreError::Taken(_))));
        drop(store);
        let store = Embedded::open(&path).unwrap();
        assert_eq!((store.serial(), entries(&store)), (2, vec![("b".into(), "2".into())]));
    }

    #[test]
    fn a_damaged_file_is_never_an_empty_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = Embedded::open(&path).unwrap();
        let many: Vec<_> = (0..2000).map(|number| put(&number.to_string(), &"x".repeat(200))).collect();
        store.commit(&many).unwrap();
        drop(store);
        let whole = fs::read(&path).unwrap();
        for broken in [Vec::new(), b"not a store".to_vec(), vec![0; whole.len()], whole[..whole.len() / 2].to_vec()] {
            fs::write(&path, &broken).unwrap();
            let error = Embedded::open(&path).map(|store| store.serial()).unwrap_err();
            assert!(error.to_string().contains("damaged"), "{} bytes: {error}", broken.len());
        }
    }

    #[test]
    fn a_flipped_byte_is_found_by_the_check() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = Embedded::open(&path).unwrap();
        store.commit(&[put("needle", &"x".repeat(3000))]).unwrap();
        drop(store);
        Embedded::check(&path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(100).position(|window| window == [b'x'; 100]).unwrap();
        bytes[at + 50] = b'y';
        fs::write(&path, bytes).unwrap();
        assert!(matches!(Embedded::check(&path), Err(StoreError::Damaged { .. })));
    }

    #[test]
    fn steps_bring_a_store_to_the_newest_version_and_no_newer_one_is_read() {
        fn shout(entries: &[(Table, String, Vec<u8>)]) -> Result<Vec<Write>, StoreError> {
            let louder = |(table, key, value): &(Table, String, Vec<u8>)| Write {
                table: *table,
                key: key.clone(),
                value: Some(value.to_ascii_uppercase()),
            };
            Ok(entries.iter().map(louder).collect())
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        Embedded::open(&path).unwrap().commit(&[put("a", "quiet")]).unwrap();
        let migrated = Embedded::open_with(&path, &[shout]).unwrap();
        assert_eq!(entries(&migrated), [("a".into(), "QUIET".into())]);
        drop(migrated);
        assert_eq!(entries(&Embedded::open_with(&path, &[shout]).unwrap()), [("a".into(), "QUIET".into())]);
        assert!(matches!(Embedded::open(&path), Err(StoreError::Newer { found: 2, known: 1, .. })));
    }
}
