//! Who asks what somebody is being answered at this moment waits for that answer: when a table changes, everybody asks the same at once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The questions whose answers are being made.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<Arc<str>, CancellationToken>>>);

/// Whether to make an answer, or to wait for it.
pub enum Turn {
    Make(Making),
    /// Cancelled when the answer is there, or will never be.
    Wait(CancellationToken),
}

/// Held by who makes an answer; whoever waits is let go when it is dropped.
pub struct Making {
    turns: Turns,
    question: Arc<str>,
    done: CancellationToken,
}

impl Turns {
    pub fn take(&self, question: &Arc<str>) -> Turn {
        let mut making = self.0.lock();
        if let Some(done) = making.get(question) {
            return Turn::Wait(done.clone());
        }
        let done = CancellationToken::new();
        making.insert(question.clone(), done.clone());
        Turn::Make(Making { turns: self.clone(), question: question.clone(), done })
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.turns.0.lock().remove(&self.question);
        self.done.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_makes_what_others_wait_for() {
        let (turns, question): (Turns, Arc<str>) = (Turns::default(), "/api/v1/leps".into());
        let Turn::Make(making) = turns.take(&question) else { panic!("the first makes it") };
        let Turn::Wait(done) = turns.take(&question) else { panic!("the second waits") };
        assert!(matches!(turns.take(&"/".into()), Turn::Make(_)));
        assert!(!done.is_cancelled());
        drop(making);
        assert!(done.is_cancelled());
        assert!(matches!(turns.take(&question), Turn::Make(_)), "what was not kept is made anew");
    }
}
