ALTER TABLE accounts ADD COLUMN person TEXT;
CREATE INDEX accounts_person ON accounts (person);
ALTER TABLE sessions ADD COLUMN subject TEXT;
ALTER TABLE sessions ADD COLUMN person TEXT;
ALTER TABLE sessions ADD COLUMN level BIGINT;
ALTER TABLE sessions ADD COLUMN provider_session TEXT;
ALTER TABLE sessions ADD COLUMN id_token TEXT;
CREATE INDEX sessions_subject ON sessions (subject);
CREATE TABLE oidc_transactions (
  state TEXT PRIMARY KEY,
  browser TEXT NOT NULL,
  nonce TEXT NOT NULL,
  verifier TEXT NOT NULL,
  back TEXT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE TABLE second_factors (
  account TEXT PRIMARY KEY REFERENCES accounts (name) ON DELETE CASCADE,
  secret TEXT NOT NULL,
  last_step BIGINT NOT NULL,
  created BIGINT NOT NULL
);
CREATE TABLE recovery_codes (
  hash TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE
);
CREATE TABLE sign_in_steps (
  hash TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
  back TEXT NOT NULL,
  expires BIGINT NOT NULL
)
