use datasets::model::{Role, Text};

use super::*;
use crate::state::sqlite_url;
use crate::state::tests::Postgres;

pub(in crate::accounts) fn catalog() -> Catalog {
    let role = |facts: &[&str]| Role {
        title: Text { it: "Ruolo".into(), en: "Role".into() },
        facts: facts.iter().map(|f| f.to_string()).collect(),
        staff: false,
        deliver: None,
    };
    let roles = [("comune", role(&["codice_istat", "ambito"])), ("pianificatore", role(&[])), ("cittadino", role(&["persona"]))];
    Catalog {
        contracts: BTreeMap::new(),
        roles: roles.map(|(n, r)| (n.to_string(), r)).into(),
        code_lists: BTreeMap::new(),
        indicators: BTreeMap::new(),
        questions: Vec::new(),
        workflows: BTreeMap::new(),
        dir: "datasets".into(),
    }
}

pub(in crate::accounts) fn comune(name: &str) -> NewAccount<'_> {
    let facts = [("codice_istat".to_string(), "058091".to_string()), ("ambito".to_string(), "RM 1".to_string())].into();
    NewAccount { name, role: "comune", facts, password: Some("una frase lunga è meglio") }
}

/// Everything an account can do, on either store.
async fn life_of_an_account(url: &str) {
    let (catalog, accounts) = (catalog(), Accounts::open(url).await.unwrap());
    accounts.add(&catalog, &comune("comune_058091")).await.unwrap();
    assert_eq!(accounts.add(&catalog, &comune("comune_058091")).await.unwrap_err().kind, Kind::Conflict);

    let principal = accounts.password("comune_058091", "una frase lunga è meglio").await.unwrap().unwrap();
    assert_eq!(principal.role, "comune");
    assert_eq!(principal.facts["codice_istat"], "058091");
    assert_eq!(accounts.principal("comune_058091").await.unwrap(), Some(principal.clone()));
    assert_eq!(accounts.password("comune_058091", "una frase lunga").await.unwrap(), None);
    assert_eq!(accounts.password("nessuno", "una frase lunga è meglio").await.unwrap(), None);

    let scram = accounts.scram("comune_058091").await.unwrap().unwrap();
    assert_eq!((scram.salt.len(), scram.stored_key.len(), scram.server_key.len()), (16, 32, 32));
    assert!((15_000..=32_000).contains(&scram.iterations));
    let unknown = accounts.scram("nessuno").await.unwrap().unwrap();
    assert_eq!(unknown, accounts.scram("nessuno").await.unwrap().unwrap());
    assert_eq!((unknown.salt.len(), unknown.iterations), (scram.salt.len(), scram.iterations));

    let token = accounts.issue_token("comune_058091", "script", Duration::from_secs(60)).await.unwrap();
    assert_eq!(accounts.token(&token).await.unwrap(), Some(principal));
    assert_eq!(accounts.token(&format!("{token}x")).await.unwrap(), None);
    let expired = accounts.issue_token("comune_058091", "breve", Duration::ZERO).await.unwrap();
    assert_eq!(accounts.token(&expired).await.unwrap(), None);
    assert_eq!(accounts.issue_token("nessuno", "", Duration::ZERO).await.unwrap_err().kind, Kind::NotFound);
    let tokens = accounts.tokens("comune_058091").await.unwrap();
    assert_eq!((tokens.len(), tokens[0].label.as_str()), (1, "script"));
    assert!(accounts.revoke_token(&tokens[0].id).await.unwrap());
    assert_eq!(accounts.token(&token).await.unwrap(), None);
    assert_eq!(accounts.revoke_token("%").await.unwrap_err().kind, Kind::Invalid);

    accounts.set_password("comune_058091", "un'altra frase").await.unwrap();
    assert_ne!(accounts.scram("comune_058091").await.unwrap().unwrap(), scram);
    assert!(accounts.password("comune_058091", "un'altra frase").await.unwrap().is_some());
    assert_eq!(accounts.set_password("nessuno", "x").await.unwrap_err().kind, Kind::NotFound);

    let again = Accounts::open(url).await.unwrap();
    assert_eq!(again.list().await.unwrap().len(), 1);
    assert_eq!(again.scram("nessuno").await.unwrap().unwrap(), unknown);
    let token = again.issue_token("comune_058091", "", Duration::from_secs(60)).await.unwrap();
    assert!(again.remove("comune_058091").await.unwrap());
    assert!(!again.remove("comune_058091").await.unwrap());
    assert_eq!(accounts.token(&token).await.unwrap(), None);
    assert_eq!(accounts.password("comune_058091", "un'altra frase").await.unwrap(), None);
}

async fn local() -> (tempfile::TempDir, Accounts, String) {
    let dir = tempfile::tempdir().unwrap();
    let url = sqlite_url(&dir.path().join("siss.db")).unwrap();
    (dir, Accounts::open(&url).await.unwrap(), url)
}

#[tokio::test]
async fn on_sqlite() {
    let (_dir, _, url) = local().await;
    life_of_an_account(&url).await;
}

#[tokio::test]
async fn on_postgres() {
    let Some(server) = Postgres::start().await else { return };
    life_of_an_account(&server.url()).await;
}

#[tokio::test]
async fn a_role_or_fact_that_is_missing_makes_no_account() {
    let (_dir, accounts, _) = local().await;
    let refused = async |change: fn(&mut NewAccount<'static>)| {
        let mut new = comune("comune_058091");
        change(&mut new);
        accounts.add(&catalog(), &new).await.unwrap_err().message
    };
    assert!(refused(|a| a.role = "sindaco").await.contains("'sindaco' is not a role"));
    assert!(refused(|a| drop(a.facts.remove("codice_istat"))).await.contains("needs the fact 'codice_istat'"));
    assert!(refused(|a| drop(a.facts.insert("ambito".into(), " ".into()))).await.contains("needs the fact 'ambito'"));
    assert!(refused(|a| drop(a.facts.insert("codice_istat".into(), "58091".into()))).await.contains("six digits"));
    assert!(refused(|a| a.role = "pianificatore").await.contains("has no fact 'ambito'"));
    assert!(refused(|a| a.name = "anonimo").await.contains("not signed in"));
    assert!(refused(|a| a.name = "Comune di Roma").await.contains("a name has"));
    assert_eq!(accounts.list().await.unwrap(), []);
}

#[tokio::test]
async fn failures_lock_every_way_in_for_known_and_unknown_names_alike() {
    let (_dir, accounts, _) = local().await;
    accounts.add(&catalog(), &comune("comune_058091")).await.unwrap();
    for name in ["comune_058091", "nessuno"] {
        for _ in 0..6 {
            accounts.failed(name);
        }
        assert_eq!(accounts.password(name, "una frase lunga è meglio").await.unwrap(), None);
        assert_eq!(accounts.scram(name).await.unwrap(), None);
    }
    accounts.succeeded("comune_058091");
    assert!(accounts.password("comune_058091", "una frase lunga è meglio").await.unwrap().is_some());
}

#[tokio::test]
async fn nothing_stored_opens_a_door() {
    let (_dir, accounts, _) = local().await;
    accounts.add(&catalog(), &comune("comune_058091")).await.unwrap();
    let token = accounts.issue_token("comune_058091", "x", Duration::from_secs(60)).await.unwrap();
    let (name, hash): (String, String) = sqlx::query_as("SELECT account, hash FROM tokens").fetch_one(accounts.state.pool()).await.unwrap();
    assert_eq!(name, "comune_058091");
    assert!(!hash.contains(&token));
    assert_eq!(accounts.token(&hash).await.unwrap(), None);
    let (password,): (String,) = sqlx::query_as("SELECT password FROM accounts").fetch_one(accounts.state.pool()).await.unwrap();
    assert!(password.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{password}");
}
