//! Where lines go: segments in a directory, or standard output.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::audit::segment::{self, SegmentName};
use crate::config::{Audit, AuditSink};

/// Something that takes lines. The writer sees to it that only whole lines reach it in the end.
pub(super) trait Sink: Send {
    /// Its name in metrics.
    fn name(&self) -> &'static str;

    /// Writes as much of `bytes` as goes in one write.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Called between lines, before `coming` bytes are written: may begin a new segment.
    fn rotate_if_due(&mut self, coming: usize, now: Instant) -> io::Result<()>;

    /// Takes back the last `bytes`: the beginning of a line whose rest cannot be written.
    fn retract(&mut self, bytes: usize) -> io::Result<()>;

    /// Waits until everything written is on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// The sink that the configuration names.
pub(super) fn open(config: &Audit) -> io::Result<Box<dyn Sink>> {
    match &config.sink {
        AuditSink::Stdout => Ok(Box::new(Stdout(File::from(io::stdout().as_fd().try_clone_to_owned()?)))),
        AuditSink::Directory(directory) => Ok(Box::new(Segments::open(Rotation {
            directory: directory.clone(),
            max_bytes: config.segment_bytes,
            max_age: config.segment_age,
            keep: config.keep_segments,
        })?)),
    }
}

/// Standard output, without the buffer of the standard library.
#[derive(Debug)]
struct Stdout(File);

impl Sink for Stdout {
    fn name(&self) -> &'static str {
        "stdout"
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn rotate_if_due(&mut self, _coming: usize, _now: Instant) -> io::Result<()> {
        Ok(())
    }

    fn retract(&mut self, _bytes: usize) -> io::Result<()> {
        Err(io::Error::other("standard output cannot take back half a line"))
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// When segments end and which are kept.
#[derive(Debug)]
pub(super) struct Rotation {
    pub(super) directory: PathBuf,
    pub(super) max_bytes: u64,
    pub(super) max_age: Duration,
    /// 0 keeps all.
    pub(super) keep: usize,
}

/// Segments in a directory; one is open.
#[derive(Debug)]
pub(super) struct Segments {
    rotation: Rotation,
    file: File,
    bytes: u64,
    opened: Instant,
    number: u32,
}

impl Segments {
    /// Creates the directory where there is none, repairs what killed processes left, and opens a segment.
    pub(super) fn open(rotation: Rotation) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o750).create(&rotation.directory)?;
        segment::repair(&rotation.directory)?;
        let (file, number) = create_next(&rotation, 0)?;
        Ok(Self { rotation, file, bytes: 0, opened: Instant::now(), number })
    }

    fn is_due(&self, coming: usize, now: Instant) -> bool {
        let too_large = self.bytes.saturating_add(coming as u64) > self.rotation.max_bytes;
        let too_old = now.saturating_duration_since(self.opened) >= self.rotation.max_age;
        self.bytes > 0 && (too_large || too_old)
    }
}

impl Sink for Segments {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn rotate_if_due(&mut self, coming: usize, now: Instant) -> io::Result<()> {
        if !self.is_due(coming, now) {
            return Ok(());
        }
        let (next, number) = create_next(&self.rotation, self.number)?;
        let full = std::mem::replace(&mut self.file, next);
        (self.number, self.bytes, self.opened) = (number, 0, now);
        full.sync_data()
    }

    fn retract(&mut self, bytes: usize) -> io::Result<()> {
        self.bytes = self.bytes.saturating_sub(bytes as u64);
        self.file.set_len(self.bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Creates the segment after the `last`th of this process, and deletes the oldest beyond those to keep.
fn create_next(rotation: &Rotation, last: u32) -> io::Result<(File, u32)> {
    let number = last.wrapping_add(1);
    let name = SegmentName::new(jiff::Timestamp::now(), number);
    let file = segment::create(&rotation.directory.join(name.to_string()))?;
    if rotation.keep > 0
        && let Err(error) = segment::delete_beyond(&rotation.directory, rotation.keep)
    {
        tracing::warn!(%error, "cannot delete old audit segments");
    }
    Ok((file, number))
}
