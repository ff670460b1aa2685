//! A client that sends bytes as they are.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::support::PATIENCE;

/// A connection.
pub(super) struct Raw(pub(super) TcpStream);

impl Raw {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// Sends bytes. The server may have closed the connection already.
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.0.write_all(bytes.as_ref());
        self
    }

    /// Reads one answer: its status, and its head and body as text. `None` when the connection is
    /// closed without one.
    #[track_caller]
    pub(super) fn answer(&mut self) -> Option<(u16, String)> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(answer) = whole(&bytes) {
                return Some(answer);
            }
            let read = self.0.read(&mut buffer);
            if read.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset) {
                return None;
            }
            // Else the time is over: it hangs.
            match read.unwrap() {
                0 => return None,
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// The status of one answer.
    #[track_caller]
    pub(super) fn status(&mut self) -> u16 {
        self.answer().unwrap().0
    }

    /// Whether the server closes the connection within this time, without another byte.
    pub(super) fn is_closed_within(&mut self, time: Duration) -> bool {
        self.0.set_read_timeout(Some(time)).unwrap();
        match self.0.read(&mut [0]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// An answer of which all bytes are there.
fn whole(bytes: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    if body.len() < length {
        return None;
    }
    Some((head.split(' ').nth(1)?.parse().ok()?, text))
}
