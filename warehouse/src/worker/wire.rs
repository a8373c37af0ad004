//! What passes over the socket between the server and a worker: frames of a tag, a length and a payload.
//! Questions and ends are JSON; rows are one Arrow IPC stream, cut into frames as it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use arrow::buffer::Buffer;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::config::Limits;
use crate::error::{Error, Kind};
use crate::principal::Principal;
use crate::session::outline::Step;
use crate::statement::Statement;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// To the worker, once: [`Start`].
    Start = b'S',
    /// To the worker: an [`Ask`].
    Ask = b'Q',
    /// From the worker: it can take a question. No payload.
    Ready = b'R',
    /// From the worker: [`Head`], before any data.
    Head = b'H',
    /// From the worker: bytes of the IPC stream; the first frame holds the schema and no row.
    Data = b'D',
    /// From the worker: the end of a whole answer. No payload.
    Done = b'E',
    /// From the worker: [`Failed`].
    Failed = b'X',
}

impl TryFrom<u8> for Tag {
    type Error = io::Error;
    fn try_from(byte: u8) -> io::Result<Self> {
        let known = [Self::Start, Self::Ask, Self::Ready, Self::Head, Self::Data, Self::Done, Self::Failed];
        known.into_iter().find(|t| *t as u8 == byte).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unknown frame"))
    }
}

pub struct Frame {
    pub tag: Tag,
    pub payload: Vec<u8>,
}

/// Largest frame: a batch is cut smaller, only a single row can come near it.
pub const LARGEST: usize = 256 << 20;

#[derive(Serialize, Deserialize)]
pub struct Start {
    pub limits: Limits,
}

#[derive(Serialize, Deserialize)]
pub struct Ask {
    pub principal: Principal,
    pub statement: Statement,
    pub what: What,
}

/// What is wanted of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    Rows,
    /// Columns and parameters.
    Description,
    /// What it does, step by step: [`Head::outline`].
    Outline,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Head {
    /// Versions of the tables that are read.
    pub snapshot: BTreeMap<String, u64>,
    /// For a description: how many of the schema's last fields are the parameters.
    #[serde(default)]
    pub parameters: usize,
    /// For an outline: the steps.
    #[serde(default)]
    pub outline: Vec<Step>,
}

#[derive(Serialize, Deserialize)]
pub struct Failed {
    pub kind: Kind,
    pub code: String,
    pub message: String,
}

impl From<&Error> for Failed {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind, code: error.code.into(), message: error.message.clone() }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        Self::new(failed.kind, code(&failed.code), failed.message)
    }
}

/// Most different codes that are kept; a worker that invents more is not believed.
const MOST_CODES: usize = 200;

/// The code as a text that lives as long as the process: there are few, and doors compare them.
fn code(text: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock();
    if let Some(code) = known.get(text) {
        return code;
    }
    if known.len() >= MOST_CODES {
        return "query.run";
    }
    let code: &'static str = String::from(text).leak();
    known.insert(code);
    code
}

/// Reads frames; a wait for one may be given up and taken up again without losing a byte.
pub struct Frames<R> {
    from: R,
    head: [u8; 5],
    head_filled: usize,
    payload: Vec<u8>,
    filled: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub fn new(from: R) -> Self {
        Self { from, head: [0; 5], head_filled: 0, payload: Vec::new(), filled: 0 }
    }

    /// The next frame; `None` at the end of the stream.
    pub async fn next(&mut self) -> io::Result<Option<Frame>> {
        while self.head_filled < self.head.len() {
            match self.from.read(&mut self.head[self.head_filled..]).await? {
                0 => return Ok(None),
                n => self.head_filled += n,
            }
            if self.head_filled == self.head.len() {
                self.payload = vec![0; self.length()?];
                self.filled = 0;
            }
        }
        while self.filled < self.payload.len() {
            match self.from.read(&mut self.payload[self.filled..]).await? {
                0 => return Ok(None),
                n => self.filled += n,
            }
        }
        self.head_filled = 0;
        Ok(Some(Frame { tag: Tag::try_from(self.head[0])?, payload: std::mem::take(&mut self.payload) }))
    }

    fn length(&self) -> io::Result<usize> {
        let [_, a, b, c, d] = self.head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > LARGEST { Err(io::Error::new(io::ErrorKind::InvalidData, "frame too large")) } else { Ok(length) }
    }
}

pub async fn write(to: &mut (impl AsyncWrite + Unpin), tag: Tag, payload: &[u8]) -> io::Result<()> {
    head(to, tag, payload.len()).await?;
    to.write_all(payload).await
}

pub async fn write_json(to: &mut (impl AsyncWrite + Unpin), tag: Tag, payload: &impl Serialize) -> io::Result<()> {
    write(to, tag, &serde_json::to_vec(payload)?).await
}

/// Writes a batch's buffers as one frame without joining them first.
pub async fn write_buffers(to: &mut (impl AsyncWrite + Unpin), buffers: &[Buffer]) -> io::Result<()> {
    head(to, Tag::Data, buffers.iter().map(|b| b.len()).sum()).await?;
    for buffer in buffers {
        to.write_all(buffer.as_slice()).await?;
    }
    to.flush().await
}

async fn head(to: &mut (impl AsyncWrite + Unpin), tag: Tag, length: usize) -> io::Result<()> {
    let length = u32::try_from(length).ok().filter(|n| *n as usize <= LARGEST).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "frame too large"))?;
    let mut head = [tag as u8, 0, 0, 0, 0];
    head[1..].copy_from_slice(&length.to_le_bytes());
    to.write_all(&head).await
}
