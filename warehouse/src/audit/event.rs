//! Something that was done, as whoever did it tells the log. No word of it may say who a person is.

use std::net::IpAddr;

use datasets::fiscal_code;

use crate::audit::origin::Origin;
use crate::principal::Principal;

/// Characters of an account's name, of an object and of a purpose that are kept.
const NAME: usize = 120;
const OBJECT: usize = 1_000;
const WHY: usize = 400;

/// What is done. The list is closed, so that who reads the log can count: `datasets/code_lists/azioni_audit.csv` says each in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    SignIn,
    SignOut,
    Read,
    /// A read of which the whole answer is taken away as a file.
    Export,
    Delivery,
    Processing,
    Certification,
    /// An approval or another move of a case.
    Approval,
    /// A form sent.
    Form,
    Release,
    /// An opening of the vault of identities.
    Vault,
    Administration,
    /// Records that the law does not ask for any longer are removed.
    Retention,
    /// The log's own repair after a crash.
    Repair,
    Start,
    Stop,
}

/// Each action with its code.
pub const ACTIONS: [(Action, &str); 16] = [
    (Action::SignIn, "accesso"),
    (Action::SignOut, "uscita"),
    (Action::Read, "lettura"),
    (Action::Export, "esportazione"),
    (Action::Delivery, "consegna"),
    (Action::Processing, "elaborazione"),
    (Action::Certification, "certificazione"),
    (Action::Approval, "approvazione"),
    (Action::Form, "modulo"),
    (Action::Release, "pubblicazione"),
    (Action::Vault, "custodia"),
    (Action::Administration, "amministrazione"),
    (Action::Retention, "conservazione"),
    (Action::Repair, "riparazione"),
    (Action::Start, "avvio"),
    (Action::Stop, "arresto"),
];

impl Action {
    /// The code.
    pub fn as_str(self) -> &'static str {
        ACTIONS.iter().find(|(action, _)| *action == self).map_or("", |(_, code)| code)
    }
}

/// Through which door somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    Http,
    Postgres,
    Flight,
    /// The command line.
    Command,
    /// The service by itself.
    Service,
}

impl Door {
    /// The code, of the list `porte_audit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Postgres => "postgres",
            Self::Flight => "flight",
            Self::Command => "comando",
            Self::Service => "servizio",
        }
    }
}

impl From<crate::statement::Door> for Door {
    fn from(door: crate::statement::Door) -> Self {
        match door {
            crate::statement::Door::Rest | crate::statement::Door::Page => Self::Http,
            crate::statement::Door::Postgres => Self::Postgres,
            crate::statement::Door::Flight => Self::Flight,
            crate::statement::Door::Cli => Self::Command,
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Ok,
    /// We said no.
    Refused,
    /// It could not be done.
    Failed,
}

impl Outcome {
    /// The code, of the list `esiti_audit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "rifiutato",
            Self::Failed => "fallito",
        }
    }

    /// Ok, or failed.
    pub fn of<T, E>(result: &Result<T, E>) -> Self {
        if result.is_ok() { Self::Ok } else { Self::Failed }
    }
}

/// An act before it has its place in the log.
#[derive(Clone, Debug)]
pub struct Event {
    pub(super) account: String,
    pub(super) role: String,
    pub(super) door: Door,
    pub(super) from: Option<IpAddr>,
    pub(super) action: Action,
    pub(super) object: String,
    pub(super) why: String,
    pub(super) outcome: Outcome,
    pub(super) count: Option<u64>,
}

impl Event {
    /// An act on an object: datasets, a delivery, a case, an account. Never a person, nor a person's pseudonym: the log cannot forget, and
    /// persons have a right to be erased. Door, address and, at the command line, who gave the command are those of the request under way.
    pub fn new(action: Action, object: impl AsRef<str>) -> Self {
        let origin = Origin::current();
        Self {
            account: origin.operator.as_deref().unwrap_or("servizio").to_owned(),
            role: String::new(),
            door: origin.door,
            from: origin.from,
            action,
            object: plain(object.as_ref(), OBJECT),
            why: String::new(),
            outcome: Outcome::Ok,
            count: None,
        }
    }

    /// Who did it.
    pub fn by(mut self, who: &Principal) -> Self {
        self.role = plain(&who.role, NAME);
        self.account(&who.account)
    }

    /// Who did it, where only the name is known.
    pub fn account(mut self, name: &str) -> Self {
        self.account = plain(name, NAME);
        self
    }

    pub fn door(mut self, door: Door) -> Self {
        self.door = door;
        self
    }

    /// The address it came from. The log keeps a keyed hash of it.
    pub fn from(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }

    /// What for: a sentence in Italian, of ours or of whoever answers for the act.
    pub fn why(mut self, why: impl AsRef<str>) -> Self {
        self.why = plain(why.as_ref(), WHY);
        self
    }

    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// How many: rows read, rows accepted, persons identified.
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }
}

/// A text as the log keeps it: on one line, of bounded length, with `***` where somebody wrote a fiscal code.
fn plain(text: &str, most: usize) -> String {
    let line: String = text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() == 16 && fiscal_code::normal(word).is_some());
    let codes: Vec<String> = words.map(str::to_owned).collect();
    codes.iter().fold(line, |line, code| line.replace(code.as_str(), "***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named_by_a_fiscal_code() {
        let event = Event::new(Action::Administration, "utenza rssmra80a01h501u").account("RSSMRA80A01H501U").why("richiesta di (RSSMRA80A01H501U)\nprot. 12");
        assert_eq!((event.object.as_str(), event.account.as_str(), event.why.as_str()), ("utenza ***", "***", "richiesta di (***) prot. 12"));
        let long = Event::new(Action::Read, "è".repeat(2_000));
        assert_eq!(long.object.chars().count(), OBJECT);
    }

    #[test]
    fn the_code_lists_say_every_code_and_no_other() {
        let dir = datasets::catalog::Catalog::find_dir(None).expect("contracts");
        let catalog = datasets::catalog::Catalog::load(&dir).expect("valid contracts");
        let codes = |list: &str| catalog.code_lists[list].codes.iter().map(|c| c.code.clone()).collect::<Vec<_>>();
        assert_eq!(codes("azioni_audit"), ACTIONS.map(|(_, code)| code));
        assert_eq!(codes("porte_audit"), [Door::Http, Door::Postgres, Door::Flight, Door::Command, Door::Service].map(Door::as_str));
        assert_eq!(codes("esiti_audit"), [Outcome::Ok, Outcome::Refused, Outcome::Failed].map(Outcome::as_str));
    }
}
