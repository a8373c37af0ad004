CREATE TABLE sessions (
  hash TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
  created BIGINT NOT NULL,
  seen BIGINT NOT NULL
);
CREATE INDEX sessions_account ON sessions (account);
CREATE TABLE asked_queries (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
  query TEXT NOT NULL,
  asked BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  shown BIGINT NOT NULL,
  complete BIGINT NOT NULL
);
CREATE INDEX asked_queries_account ON asked_queries (account, id);
CREATE TABLE saved_queries (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
  title TEXT NOT NULL,
  query TEXT NOT NULL,
  shared BIGINT NOT NULL,
  changed BIGINT NOT NULL
);
CREATE INDEX saved_queries_account ON saved_queries (account, changed)
