//! The bounded queue of records. A place is reserved before a request is forwarded, so that recording it cannot fail later.

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, OwnedPermit};

use super::event::Event;

/// The sending side. Clones share one queue.
#[derive(Debug, Clone)]
pub struct AuditQueue {
    sender: mpsc::Sender<Event>,
}

impl AuditQueue {
    /// A queue for `capacity` records (at least one), and the side that the writer reads.
    pub fn new(capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        (Self { sender }, receiver)
    }

    /// A place for one record; `None` when the queue is full or its writer is gone. Never waits.
    pub fn reserve(&self) -> Option<Slot> {
        self.sender.clone().try_reserve_owned().ok().map(Slot)
    }

    /// Queues a record that no request waits for. Where the queue is full, it waits for its place in a task of its own.
    pub fn put(&self, event: impl Into<Event>) {
        if let Err(TrySendError::Full(event)) = self.sender.try_send(event.into()) {
            let sender = self.sender.clone();
            // Fails when the log has ended, as has the process then.
            tokio::spawn(async move { sender.send(event).await });
        }
    }

    /// The same outside of tasks: this thread waits for the place.
    pub fn put_blocking(&self, event: impl Into<Event>) {
        // Fails when the log has ended, as has the process then.
        let _ = self.sender.blocking_send(event.into());
    }

    /// Places in use: records that wait and places that are reserved.
    pub fn depth(&self) -> usize {
        self.capacity() - self.sender.capacity()
    }

    /// Places in all.
    pub fn capacity(&self) -> usize {
        self.sender.max_capacity()
    }
}

/// A reserved place. Dropped unsent, it is free again.
#[derive(Debug)]
#[must_use = "a reserved place is for a record"]
pub struct Slot(OwnedPermit<Event>);

impl Slot {
    /// Puts `event` in its place. Never waits and cannot fail.
    pub fn send(self, event: Event) {
        self.0.send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::fixtures;

    #[test]
    fn a_full_queue_refuses_at_once() {
        let (queue, _receiver) = AuditQueue::new(2);
        let slots = (queue.reserve(), queue.reserve());
        assert!(slots.0.is_some() && slots.1.is_some());
        assert!(queue.reserve().is_none());
        assert_eq!((queue.depth(), queue.capacity()), (2, 2));
    }

    #[test]
    fn a_slot_dropped_unsent_frees_its_place() {
        let (queue, _receiver) = AuditQueue::new(1);
        drop(queue.reserve());
        assert_eq!(queue.depth(), 0);
        assert!(queue.reserve().is_some());
    }

    #[test]
    fn a_sent_record_keeps_its_place_until_it_is_read() {
        let (queue, mut receiver) = AuditQueue::new(1);
        queue.reserve().expect("a place").send(Event::Connection(Box::new(fixtures::attempt())));
        assert!(queue.reserve().is_none());
        assert!(receiver.try_recv().is_ok());
        assert!(queue.reserve().is_some());
    }

    #[tokio::test]
    async fn a_record_that_no_request_waits_for_waits_itself() {
        let (queue, mut receiver) = AuditQueue::new(1);
        for _ in 0..3 {
            queue.put(Event::Connection(Box::new(fixtures::attempt())));
        }
        for _ in 0..3 {
            assert!(receiver.recv().await.is_some());
        }
    }

    #[test]
    fn what_was_reserved_before_the_end_is_still_read() {
        let (queue, mut receiver) = AuditQueue::new(2);
        let slot = queue.reserve().expect("a place");
        receiver.close();
        assert!(queue.reserve().is_none());
        slot.send(Event::Connection(Box::new(fixtures::attempt())));
        assert!(receiver.blocking_recv().is_some());
        assert!(receiver.blocking_recv().is_none());
    }
}
