CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  last BIGINT NOT NULL
);
CREATE TABLE drafts (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
  form TEXT NOT NULL,
  version TEXT NOT NULL,
  sealed TEXT NOT NULL,
  changed BIGINT NOT NULL
);
CREATE INDEX drafts_account ON drafts (account, changed);
CREATE TABLE cases (
  id TEXT PRIMARY KEY,
  form TEXT NOT NULL,
  version TEXT NOT NULL,
  account TEXT NOT NULL,
  role TEXT NOT NULL,
  applicant TEXT NOT NULL,
  person TEXT NOT NULL,
  office TEXT NOT NULL,
  sender TEXT NOT NULL,
  code TEXT NOT NULL,
  sealed TEXT NOT NULL,
  hash TEXT NOT NULL,
  twin TEXT NOT NULL,
  retry TEXT NOT NULL UNIQUE,
  year BIGINT NOT NULL,
  number BIGINT NOT NULL,
  received BIGINT NOT NULL,
  state TEXT NOT NULL,
  since BIGINT NOT NULL,
  due BIGINT NOT NULL,
  moved BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  pending BIGINT NOT NULL,
  UNIQUE (office, year, number)
);
CREATE INDEX cases_applicant ON cases (applicant, received);
CREATE INDEX cases_office ON cases (office, state, received);
CREATE INDEX cases_twin ON cases (twin);
CREATE INDEX cases_pending ON cases (pending, received);
CREATE INDEX cases_person ON cases (person);
CREATE TABLE moves (
  case_id TEXT NOT NULL REFERENCES cases (id),
  seq BIGINT NOT NULL,
  code TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  account TEXT NOT NULL,
  role TEXT NOT NULL,
  at BIGINT NOT NULL,
  reason TEXT NOT NULL,
  delivery TEXT NOT NULL,
  batch TEXT NOT NULL,
  PRIMARY KEY (case_id, seq)
);
CREATE INDEX moves_batch ON moves (batch);
CREATE TABLE attachments (
  case_id TEXT NOT NULL REFERENCES cases (id),
  revision BIGINT NOT NULL,
  place BIGINT NOT NULL,
  name TEXT NOT NULL,
  file TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  hash TEXT NOT NULL,
  verdict TEXT NOT NULL,
  PRIMARY KEY (case_id, revision, place)
);
CREATE TABLE hand_overs (
  case_id TEXT PRIMARY KEY REFERENCES cases (id),
  tries BIGINT NOT NULL,
  next BIGINT NOT NULL,
  done BIGINT NOT NULL
)
