//! HTTP/2 frames as they pass, counted under TLS: hyper answers any number of SETTINGS and PING frames and never
//! tires. And whether a head is on its way: hyper waits for its end without a bound.

use crate::clock::Tick;

/// The client connection preface (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;

/// Length, type, flags and stream of a frame (RFC 9113 §4.1).
const HEADER_BYTES: usize = 9;

/// The stretch over which control frames are counted.
const WINDOW_MS: u64 = 10_000;

/// For this many bytes sent, an honest client may answer with one WINDOW_UPDATE or, measuring the path, one PING.
const BYTES_PER_ANSWER: u64 = 1024;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const PING: u8 = 0x6;
const WINDOW_UPDATE: u8 = 0x8;
const CONTINUATION: u8 = 0x9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// Reads the frames of one connection as they come and counts those that carry no request.
#[derive(Debug)]
pub struct FrameMeter {
    /// Bytes to skip: the rest of the preface or of a frame's payload.
    skip: usize,
    header: [u8; HEADER_BYTES],
    filled: usize,
    limit: u32,
    counted: u32,
    window_began: Tick,
    credit_bytes: u64,
    head_open: bool,
    /// Whether the head ends with the payload that is being skipped.
    head_ends: bool,
}

/// More control frames than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood;

impl FrameMeter {
    /// A meter at the start of a connection.
    pub fn new(limit: u32, now: Tick) -> Self {
        Self {
            skip: PREFACE_BYTES,
            header: [0; HEADER_BYTES],
            filled: 0,
            limit,
            counted: 0,
            window_began: now,
            credit_bytes: 0,
            // Until the preface has come, the first head is awaited.
            head_open: true,
            head_ends: true,
        }
    }

    /// Whether a header block (or the preface) has begun and not ended.
    pub fn head_open(&self) -> bool {
        self.head_open
    }

    /// `length` bytes were sent to the client.
    pub fn sent(&mut self, length: usize) {
        self.credit_bytes = self.credit_bytes.saturating_add(length as u64);
    }

    /// Reads what came.
    pub fn received(&mut self, mut bytes: &[u8], now: Tick) -> Result<(), Flood> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                bytes = bytes.get(skipped..).unwrap_or_default();
                self.skip -= skipped;
                self.head_open &= self.skip > 0 || !self.head_ends;
                continue;
            }
            let wanted = HEADER_BYTES - self.filled;
            let taken = wanted.min(bytes.len());
            let (head, rest) = bytes.split_at_checked(taken).unwrap_or_default();
            if let Some(room) = self.header.get_mut(self.filled..self.filled + taken) {
                room.copy_from_slice(head);
            }
            self.filled += taken;
            bytes = rest;
            if self.filled == HEADER_BYTES {
                self.filled = 0;
                self.frame(now)?;
            }
        }
        Ok(())
    }

    fn frame(&mut self, now: Tick) -> Result<(), Flood> {
        let [a, b, c, kind, flags, ..] = self.header;
        let length = u32::from_be_bytes([0, a, b, c]);
        self.skip = length as usize;
        if matches!(kind, HEADERS | CONTINUATION) {
            self.head_ends = flags & END_HEADERS != 0;
            self.head_open = self.skip > 0 || !self.head_ends;
        }
        let carries = match kind {
            HEADERS => true,
            DATA => length > 0 || flags & END_STREAM != 0,
            WINDOW_UPDATE | PING => {
                let honest = self.credit_bytes >= BYTES_PER_ANSWER;
                self.credit_bytes = self.credit_bytes.saturating_sub(BYTES_PER_ANSWER);
                honest
            }
            _ => false,
        };
        if carries { Ok(()) } else { self.count(now) }
    }

    fn count(&mut self, now: Tick) -> Result<(), Flood> {
        if now.saturating_sub(self.window_began) > WINDOW_MS {
            self.window_began = now;
            self.counted = 0;
        }
        self.counted += 1;
        if self.counted > self.limit { Err(Flood) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, flags, 0, 0, 0, 0]);
        frame.extend_from_slice(payload);
        frame
    }

    fn connection(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        frames.iter().for_each(|frame| bytes.extend_from_slice(frame));
        bytes
    }

    #[test]
    fn floods_of_every_control_frame_are_seen_however_they_are_sliced() {
        for kind in [0x2, 0x3, 0x4, 0x6, 0x8, 0x9, 0xbe] {
            let bytes = connection(&vec![frame(kind, END_HEADERS, &[0; 8]); 30]);
            for slice in [1, 7, bytes.len()] {
                let mut meter = FrameMeter::new(20, 1);
                let flood = bytes.chunks(slice).try_for_each(|chunk| meter.received(chunk, 1));
                assert_eq!(flood, Err(Flood), "frame type {kind}, slices of {slice}");
            }
        }
    }

    #[test]
    fn empty_data_counts_and_data_does_not() {
        let mut meter = FrameMeter::new(20, 1);
        assert_eq!(meter.received(&connection(&vec![frame(DATA, 0, &[1]); 100]), 1), Ok(()));
        let mut meter = FrameMeter::new(20, 1);
        assert_eq!(meter.received(&connection(&vec![frame(DATA, 0, &[]); 100]), 1), Err(Flood));
    }

    #[test]
    fn window_updates_are_honest_in_proportion_to_what_was_sent() {
        let updates = connection(&vec![frame(WINDOW_UPDATE, 0, &[0; 4]); 100]);
        let mut meter = FrameMeter::new(20, 1);
        meter.sent(200 * 1024);
        assert_eq!(meter.received(&updates, 1), Ok(()));
    }

    #[test]
    fn a_new_window_begins_after_ten_seconds() {
        let mut meter = FrameMeter::new(20, 1);
        meter.received(&connection(&vec![frame(0x6, 0, &[0; 8]); 20]), 1).unwrap();
        let twenty: Vec<u8> = frame(0x6, 0, &[0; 8]).repeat(20);
        assert_eq!(meter.received(&twenty, 10_500), Ok(()));
        assert_eq!(meter.received(&twenty, 10_500), Err(Flood));
    }

    #[test]
    fn a_header_block_is_open_until_its_end() {
        let mut meter = FrameMeter::new(20, 1);
        assert!(meter.head_open(), "the preface is awaited");
        meter.received(&connection(&[frame(0x4, 0, &[])]), 1).unwrap();
        assert!(!meter.head_open());
        meter.received(&frame(HEADERS, 0, &[1, 2]), 1).unwrap();
        assert!(meter.head_open());
        let last = frame(CONTINUATION, END_HEADERS, &[3, 4]);
        meter.received(&last[..last.len() - 1], 1).unwrap();
        assert!(meter.head_open(), "its payload is not complete");
        meter.received(&last[last.len() - 1..], 1).unwrap();
        assert!(!meter.head_open());
    }
}
