//! Hand-over: a successor takes the listening sockets over a Unix socket, and only once it serves does this process drain.
//!
//! The sockets are shared, not moved: between the successor's start and its word that it is ready both processes accept,
//! so that no connection is refused. Hence nobody ever shuts a socket down, which would end it for the other too; a
//! socket closes when its last holder drops it.
//!
//! A successor that dies before its word changes nothing. One whose predecessor ends before that word serves alone.
//! For the second to be safe the predecessor's end of the connection must close only when it ends: it waits for the
//! word without a bound, and whoever started a successor that hangs must kill it.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use tokio::io::{AsyncReadExt, Interest};

use crate::state::State;

/// The listening sockets of a process.
#[derive(Debug)]
pub struct Sockets {
    /// For clients.
    pub data: TcpListener,
    /// For metrics and health.
    pub management: TcpListener,
    /// For the control API, where there is one.
    pub control: Option<TcpListener>,
}

/// How many sockets a process listens at: those for clients, management and control.
const SOCKETS_MAX: usize = 3;

/// How long a successor waits for the sockets.
const TAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait for the next successor after one that failed.
const PAUSE: Duration = Duration::from_millis(50);

/// What goes with the descriptors, so that a stranger's bytes are not taken for them.
const GREETING: &[u8; 16] = b"gaccong-sockets1";

/// What the successor says once it serves.
const READY: &[u8; 1] = b"R";

/// Where successors ask for the sockets. When it is dropped, no successor gets them any more.
#[derive(Debug)]
pub struct Successors {
    listener: tokio::net::UnixListener,
    path: PathBuf,
    sockets: Sockets,
    /// The one that has the sockets and does not serve yet.
    loading: Option<tokio::net::UnixStream>,
}

impl Successors {
    /// Listens beside `path`: the predecessor may still be the one to ask there, until [`Self::publish`].
    ///
    /// # Errors
    /// The socket cannot be bound, or what is at `path` is not a socket and must not be replaced.
    pub fn listen(path: &Path, sockets: Sockets) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        if std::fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket()) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "what is there is not a socket"));
        }
        let unpublished = unpublished(path);
        match std::fs::remove_file(&unpublished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = tokio::net::UnixListener::bind(&unpublished)?;
        std::fs::set_permissions(&unpublished, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.to_owned(), sockets, loading: None })
    }

    /// From now on successors find this process. A socket of a process that is gone, or will be, is replaced.
    pub fn publish(&self) -> io::Result<()> {
        std::fs::rename(unpublished(&self.path), &self.path)
    }

    /// Waits until a successor serves. The store is open in one process at a time: it is closed before a successor gets
    /// the sockets, and opened again if that does not come to serve.
    pub async fn taken_over(&mut self, state: &State) {
        while let Err(error) = self.next(state).await {
            self.loading = None;
            state.reclaim().await;
            tracing::warn!(%error, "a successor did not take over; this process goes on");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The connection of the successor that serves, by which it tells of changes.
    pub fn into_successor(self) -> Option<tokio::net::UnixStream> {
        self.loading
    }

    /// Whether one of them holds the sockets, even if it does not serve yet.
    pub fn have_sockets(&self) -> bool {
        self.loading.is_some()
    }

    async fn next(&mut self, state: &State) -> io::Result<()> {
        let (successor, _) = self.listener.accept().await?;
        state.release().await;
        give(&successor, &self.sockets).await?;
        let mut word = [0];
        self.loading.insert(successor).read_exact(&mut word).await?;
        if &word == READY { Ok(()) } else { Err(io::Error::other("the successor said something else than ready")) }
    }
}

/// The name of a socket before it is published.
fn unpublished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

async fn give(successor: &tokio::net::UnixStream, sockets: &Sockets) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(successor)?;
    if peer.uid != rustix::process::geteuid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the successor runs as another user"));
    }
    let mut descriptors = vec![sockets.data.as_fd(), sockets.management.as_fd()];
    descriptors.extend(sockets.control.as_ref().map(AsFd::as_fd));
    let send = || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        Ok(rustix::net::sendmsg(successor, &[IoSlice::new(GREETING)], &mut ancillary, SendFlags::NOSIGNAL)?)
    };
    successor.async_io(Interest::WRITABLE, send).await.map(drop)
}

/// The process that gave the sockets, and waits for the word that they are served.
#[derive(Debug)]
pub struct Predecessor(UnixStream);

impl Predecessor {
    /// Tells it that this process serves. While it drains it is to be told of changes by the socket that is returned.
    pub fn ready(mut self) -> Option<UnixStream> {
        match self.0.write_all(READY) {
            Ok(()) => Some(self.0),
            Err(error) => {
                tracing::warn!(%error, "the predecessor has ended already; this process serves alone");
                None
            }
        }
    }
}

/// Takes the sockets of the process that listens at `path`.
pub fn take(path: &Path) -> io::Result<(Sockets, Predecessor)> {
    let predecessor = UnixStream::connect(path)?;
    predecessor.set_read_timeout(Some(TAKE_TIMEOUT))?;
    let mut greeting = [0; GREETING.len()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut buffers = [IoSliceMut::new(&mut greeting)];
    let received = rustix::net::recvmsg(&predecessor, &mut buffers, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let descriptors: Vec<OwnedFd> = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    if received.bytes == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it gave no sockets; it may be ending"));
    }
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    if received.bytes != GREETING.len() || &greeting != GREETING {
        return Err(invalid("what listens there is not a gateway of this version"));
    }
    let mut sockets = descriptors.into_iter().map(TcpListener::from);
    let (Some(data), Some(management)) = (sockets.next(), sockets.next()) else {
        return Err(invalid("two sockets or three were expected"));
    };
    Ok((Sockets { data, management, control: sockets.next() }, Predecessor(predecessor)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use crate::config::Posture;

    use super::*;

    /// Sockets, and where successors find them.
    fn published(folder: &Path) -> (Successors, PathBuf) {
        let path = folder.join("run/handover.sock");
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        let successors =
            Successors::listen(&path, Sockets { data: listener(), management: listener(), control: None }).unwrap();
        successors.publish().unwrap();
        (successors, path)
    }

    /// Nothing is kept.
    fn stateless() -> State {
        let settings = Posture {
            file: None,
            default_max_age: Duration::ZERO,
            max_age: [].into(),
            required: Vec::new(),
            sources: Vec::new(),
            osquery: crate::config::Osquery::default(),
        };
        State::load(&settings, None).unwrap().0
    }

    /// Runs the predecessor's side until `successor` has ended.
    async fn beside<T: Send + 'static>(
        successors: &mut Successors,
        successor: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let successor = tokio::task::spawn_blocking(successor);
        let state = stateless();
        tokio::select! {
            () = successors.taken_over(&state) => panic!("nobody has taken over"),
            ended = successor => ended.unwrap(),
        }
    }

    #[tokio::test]
    async fn a_successor_takes_the_sockets_and_says_when_it_serves() {
        let folder = tempfile::tempdir().unwrap();
        let (mut successors, path) = published(folder.path());
        let expected = successors.sockets.data.local_addr().unwrap();
        let (sockets, predecessor) = beside(&mut successors, move || take(&path).unwrap()).await;
        assert_eq!(sockets.data.local_addr().unwrap(), expected);
        predecessor.ready();
        // The descriptors were sent to a connection that `beside` has stopped to watch.
        assert!(successors.have_sockets());
    }

    #[tokio::test]
    async fn the_word_ends_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let (mut successors, path) = published(folder.path());
        let successor = tokio::task::spawn_blocking(move || take(&path).unwrap().1.ready());
        successors.taken_over(&stateless()).await;
        successor.await.unwrap();
    }

    #[tokio::test]
    async fn after_a_successor_that_died_the_next_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let (mut successors, path) = published(folder.path());
        let successor = tokio::task::spawn_blocking(move || {
            drop(take(&path).unwrap());
            take(&path).unwrap().1.ready();
        });
        successors.taken_over(&stateless()).await;
        successor.await.unwrap();
    }

    #[tokio::test]
    async fn a_successor_outlives_a_predecessor_that_ends_first() {
        let folder = tempfile::tempdir().unwrap();
        let (mut successors, path) = published(folder.path());
        let of_successor = path.clone();
        let (sockets, predecessor) = beside(&mut successors, move || take(&of_successor).unwrap()).await;
        drop(successors);
        assert!(take(&path).is_err(), "a process that ends gives its sockets to nobody");
        predecessor.ready();
        let _client = TcpStream::connect(sockets.data.local_addr().unwrap()).unwrap();
        sockets.data.accept().unwrap();
    }

    #[tokio::test]
    async fn the_predecessor_is_found_until_the_successor_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let (mut old, path) = published(folder.path());
        let take_there = {
            let path = path.clone();
            move || take(&path).unwrap()
        };
        let (sockets, _predecessor) = beside(&mut old, take_there.clone()).await;
        let mut new = Successors::listen(&path, sockets).unwrap();
        beside(&mut old, take_there.clone()).await;
        new.publish().unwrap();
        beside(&mut new, take_there).await;
    }

    #[tokio::test]
    async fn only_a_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gaccong.toml");
        std::fs::write(&path, "precious").unwrap();
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        let sockets = Sockets { data: listener(), management: listener(), control: None };
        assert!(Successors::listen(&path, sockets).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
