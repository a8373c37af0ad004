//! Messages in and out of one socket: sizes are bounded before anything is kept, a client that vanishes while it waits is
//! noticed, and one that reads nothing is let go.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt;
use pgwire::messages::{DecodeContext, PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_util::codec::{Decoder, FramedRead};
use tokio_util::sync::CancellationToken;

/// Bytes of one message: text of a query, or all values of a bind.
const MESSAGE: usize = 4 << 20;
/// Messages that a client may send ahead while a query runs; past it they stay in its socket.
const AHEAD: usize = 256;
/// Bytes collected before they are sent.
const FULL: usize = 64 << 10;
/// A client that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(60);

/// A socket, TLS or not.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

pub type AnySocket = Box<dyn Socket>;

/// The connection cannot go on; nothing more can be said to the client.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("the client is gone")]
    Gone,
    #[error("the client takes no data")]
    Stalled,
    #[error("not the protocol: {0}")]
    Protocol(&'static str),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Reads frontend messages.
struct Codec {
    context: DecodeContext,
}

impl Decoder for Codec {
    type Item = PgWireFrontendMessage;
    type Error = Lost;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Self::Item>, Lost> {
        let header = usize::from(!self.context.awaiting_frontend_startup);
        if source.len() < header + 4 {
            return Ok(None);
        }
        let length = u32::from_be_bytes([source[header], source[header + 1], source[header + 2], source[header + 3]]) as usize;
        if !(4..=MESSAGE).contains(&length) {
            return Err(Lost::Protocol("message length"));
        }
        if source.len() < header + length {
            source.reserve(header + length - source.len());
            return Ok(None);
        }
        // The library reads counts without checking that the bytes are there; a message that lies about them panics.
        let mut message = source.split_to(header + length);
        let decoded = catch_unwind(AssertUnwindSafe(|| PgWireFrontendMessage::decode(&mut message, &self.context)));
        match decoded {
            Ok(Ok(Some(message))) => Ok(Some(message)),
            _ => Err(Lost::Protocol("malformed message")),
        }
    }
}

/// Why a wait ended before its time.
#[derive(Debug)]
pub enum Interrupt {
    Cancelled,
    Lost(Lost),
}

pub struct Wire {
    incoming: FramedRead<ReadHalf<AnySocket>, Codec>,
    outgoing: WriteHalf<AnySocket>,
    pub buffer: BytesMut,
    ahead: VecDeque<PgWireFrontendMessage>,
}

impl Wire {
    /// A wire on which sign-in begins.
    pub fn new(socket: AnySocket, version: ProtocolVersion) -> Self {
        let (read, write) = tokio::io::split(socket);
        let mut context = DecodeContext::new(version);
        context.awaiting_frontend_ssl = false;
        context.awaiting_frontend_startup = false;
        Self { incoming: FramedRead::new(read, Codec { context }), outgoing: write, buffer: BytesMut::with_capacity(FULL), ahead: VecDeque::new() }
    }

    /// The next message; at most `idle` is waited for it.
    pub async fn next(&mut self, idle: Duration) -> Result<PgWireFrontendMessage, Lost> {
        if let Some(message) = self.ahead.pop_front() {
            return Ok(message);
        }
        match timeout(idle, self.incoming.next()).await {
            Ok(Some(message)) => message,
            Ok(None) => Err(Lost::Gone),
            Err(_) => Err(Lost::Stalled),
        }
    }

    /// Waits for `work` while the client may cancel, send ahead or vanish.
    pub async fn during<T>(&mut self, cancel: &CancellationToken, work: impl Future<Output = T>) -> Result<T, Interrupt> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = cancel.cancelled() => return Err(Interrupt::Cancelled),
                message = self.incoming.next(), if self.ahead.len() < AHEAD => match message {
                    Some(Ok(PgWireFrontendMessage::Terminate(_))) | None => return Err(Interrupt::Lost(Lost::Gone)),
                    Some(Ok(message)) => self.ahead.push_back(message),
                    Some(Err(error)) => return Err(Interrupt::Lost(error)),
                },
            }
        }
    }

    /// Adds a message to what will be sent.
    pub fn put(&mut self, message: &PgWireBackendMessage) -> Result<(), Lost> {
        message.encode(&mut self.buffer).map_err(|_| Lost::Protocol("a message of ours is too large"))
    }

    /// Sends what has collected, if it is much.
    pub async fn flush_if_full(&mut self) -> Result<(), Lost> {
        if self.buffer.len() >= FULL { self.flush().await } else { Ok(()) }
    }

    pub async fn flush(&mut self) -> Result<(), Lost> {
        while !self.buffer.is_empty() {
            let written = timeout(STALLED, self.outgoing.write_buf(&mut self.buffer)).await.map_err(|_| Lost::Stalled)??;
            if written == 0 {
                return Err(Lost::Gone);
            }
        }
        self.buffer.clear();
        timeout(STALLED, self.outgoing.flush()).await.map_err(|_| Lost::Stalled)??;
        Ok(())
    }

    pub async fn close(&mut self) {
        let _ = self.flush().await;
        let _ = timeout(STALLED, self.outgoing.shutdown()).await;
    }
}
