//! PROXY protocol v2: the address of the real client, from load balancers that the configuration lists.

use std::io;
use std::net::{IpAddr, SocketAddr};

use ppp::v2::{Addresses, Command, Header, ParseError};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Signature, version, family and length.
const FIXED_BYTES: usize = 16;

/// The longest header that is accepted: addresses and a few TLVs.
const LONGEST_BYTES: usize = 536;

/// Reads the header that a connection from a listed network must begin with, and nothing beyond it. `None` for a `LOCAL`
/// header (a health check of the load balancer itself).
pub async fn read(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut header = [0; LONGEST_BYTES];
    let Some((fixed, rest)) = header.split_at_mut_checked(FIXED_BYTES) else {
        return Err(malformed("no room for a header"));
    };
    stream.read_exact(fixed).await?;
    let [.., high, low] = *fixed else {
        return Err(malformed("no length"));
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let addresses = rest.get_mut(..length).ok_or_else(|| malformed("the header is too long"))?;
    // Only once the fixed part is a PROXY header do the bytes after it belong to us.
    match Header::try_from(&*fixed) {
        Ok(_) | Err(ParseError::Partial(..) | ParseError::Incomplete(_)) => stream.read_exact(addresses).await?,
        Err(error) => return Err(malformed(&error.to_string())),
    };
    let whole = header.get(..FIXED_BYTES + length).unwrap_or_default();
    let header = Header::try_from(whole).map_err(|error| malformed(&error.to_string()))?;
    match (header.command, header.addresses) {
        (Command::Local, _) => Ok(None),
        (Command::Proxy, Addresses::IPv4(v4)) => {
            Ok(Some(SocketAddr::new(IpAddr::V4(v4.source_address), v4.source_port)))
        }
        (Command::Proxy, Addresses::IPv6(v6)) => {
            Ok(Some(SocketAddr::new(IpAddr::V6(v6.source_address), v6.source_port)))
        }
        (Command::Proxy, _) => Err(malformed("the header holds no IP address")),
    }
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("PROXY protocol v2: {why}"))
}

#[cfg(test)]
mod tests {
    use ppp::v2::{Builder, Protocol, Version};
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn parsed(bytes: Vec<u8>) -> (io::Result<Option<SocketAddr>>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(&bytes).await.unwrap();
        drop(client);
        let read = read(&mut server).await;
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        (read, rest)
    }

    fn header(source: &str) -> Vec<u8> {
        let source: SocketAddr = source.parse().unwrap();
        let to: SocketAddr = if source.is_ipv4() { "10.0.0.1:443" } else { "[::1]:443" }.parse().unwrap();
        Builder::with_addresses(Version::Two | Command::Proxy, Protocol::Stream, (source, to)).build().unwrap()
    }

    #[tokio::test]
    async fn the_source_is_read_and_nothing_beyond_it() {
        for source in ["192.0.2.7:4711", "[2001:db8::7]:4711"] {
            let mut bytes = header(source);
            bytes.extend_from_slice(b"next");
            let (read, rest) = parsed(bytes).await;
            assert_eq!(read.unwrap(), Some(source.parse().unwrap()));
            assert_eq!(rest, b"next");
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let mut long = header("192.0.2.7:4711");
        long[14] = 0xff;
        let cut = header("192.0.2.7:4711")[..20].to_vec();
        for bytes in [
            b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefgh".to_vec(),
            long,
            cut,
        ] {
            assert!(parsed(bytes).await.0.is_err());
        }
    }
}
