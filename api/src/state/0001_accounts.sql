CREATE TABLE accounts (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  facts TEXT NOT NULL,
  password TEXT,
  scram_salt TEXT,
  scram_iterations BIGINT,
  scram_stored_key TEXT,
  scram_server_key TEXT,
  created BIGINT NOT NULL,
  changed BIGINT NOT NULL
);
CREATE TABLE tokens (
  hash TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
  label TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE INDEX tokens_account ON tokens (account);
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
