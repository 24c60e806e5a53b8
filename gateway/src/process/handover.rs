//! Hand-over: a successor takes the listening sockets over a Unix socket, and only once it serves does this process drain.
//!
//! The sockets are shared, not moved: between the successor's start and its word that it is ready both processes accept,
//! so that no connection is refused. A successor that dies before that word changes nothing.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};

/// Both listening sockets of a process.
#[derive(Debug)]
pub struct Sockets {
    /// For clients.
    pub data: TcpListener,
    /// For metrics and health.
    pub management: TcpListener,
}

/// How long a successor may take to load its configuration and begin to serve.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// What goes with the descriptors, so that a stranger's bytes are not taken for them.
const GREETING: &[u8; 16] = b"gaccong-sockets1";

/// What the successor says once it serves.
const READY: &[u8; 1] = b"R";

/// Listens for a successor. A socket left by a process that is gone is replaced.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Gives the sockets to a successor that has connected; returns once it says that it serves.
pub fn give(successor: &mut UnixStream, sockets: &Sockets) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(&*successor)?;
    if peer.uid != rustix::process::geteuid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the successor runs as another user"));
    }
    let descriptors = [sockets.data.as_fd(), sockets.management.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    rustix::net::sendmsg(&*successor, &[IoSlice::new(GREETING)], &mut ancillary, SendFlags::NOSIGNAL)?;

    successor.set_read_timeout(Some(READY_TIMEOUT))?;
    let mut word = [0];
    successor.read_exact(&mut word)?;
    if &word == READY { Ok(()) } else { Err(io::Error::other("the successor said something else than ready")) }
}

/// The other end of a hand-over: the sockets, and the process that waits for the word.
#[derive(Debug)]
pub struct Taken {
    /// The sockets.
    pub sockets: Sockets,
    predecessor: UnixStream,
}

impl Taken {
    /// Tells the predecessor that this process serves.
    pub fn ready(mut self) -> io::Result<()> {
        self.predecessor.write_all(READY)
    }
}

/// Takes the sockets of the process that listens at `path`.
pub fn take(path: &Path) -> io::Result<Taken> {
    let predecessor = UnixStream::connect(path)?;
    predecessor.set_read_timeout(Some(READY_TIMEOUT))?;
    let mut greeting = [0; GREETING.len()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
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
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    if received.bytes != GREETING.len() || &greeting != GREETING {
        return Err(invalid("what listens there is not a gateway of this version"));
    }
    let [data, management] = <[OwnedFd; 2]>::try_from(descriptors).map_err(|_| invalid("two sockets were expected"))?;
    let sockets = Sockets { data: data.into(), management: management.into() };
    Ok(Taken { sockets, predecessor })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets() -> Sockets {
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        Sockets { data: listener(), management: listener() }
    }

    #[test]
    fn a_successor_takes_the_sockets_and_says_when_it_serves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/handover.sock");
        let listener = listen(&path).unwrap();
        let sockets = sockets();
        let expected = sockets.data.local_addr().unwrap();
        let predecessor = std::thread::spawn(move || give(&mut listener.accept().unwrap().0, &sockets));
        let taken = take(&path).unwrap();
        assert_eq!(taken.sockets.data.local_addr().unwrap(), expected);
        taken.ready().unwrap();
        predecessor.join().unwrap().unwrap();
    }

    #[test]
    fn a_successor_that_dies_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handover.sock");
        let listener = listen(&path).unwrap();
        let predecessor = std::thread::spawn(move || give(&mut listener.accept().unwrap().0, &sockets()));
        drop(take(&path).unwrap());
        assert!(predecessor.join().unwrap().is_err());
    }
}
