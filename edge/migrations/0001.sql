-- The registry: whose vehicle carries which plate. `plate` is canonical: upper case, no separators.
CREATE TABLE vehicles (
  plate TEXT PRIMARY KEY CHECK (plate <> ''),
  owner TEXT NOT NULL DEFAULT '',
  unit TEXT NOT NULL DEFAULT '',
  kind TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'allow' CHECK (status IN ('allow', 'deny', 'watch')),
  note TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID, STRICT;

-- The log: one row per vehicle that passed; `vehicle` is what the registry said at that moment, as JSON.
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  plate TEXT NOT NULL,
  confidence REAL NOT NULL,
  region TEXT,
  rows INTEGER NOT NULL,
  quality REAL NOT NULL,
  restored INTEGER NOT NULL,
  looks INTEGER NOT NULL,
  source TEXT NOT NULL,
  first_seen REAL NOT NULL,
  last_seen REAL NOT NULL,
  x0 REAL NOT NULL, y0 REAL NOT NULL, x1 REAL NOT NULL, y1 REAL NOT NULL,
  vehicle TEXT
) STRICT;
CREATE INDEX events_by_plate ON events (plate, last_seen);
CREATE INDEX events_by_time ON events (last_seen);

CREATE TABLE candidates (
  event INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,
  rank INTEGER NOT NULL,
  text TEXT NOT NULL,
  confidence REAL NOT NULL,
  region TEXT,
  PRIMARY KEY (event, rank)
) WITHOUT ROWID, STRICT;

-- The evidence apart from the events, so that searching the log does not read pictures.
CREATE TABLE evidence (
  event INTEGER PRIMARY KEY REFERENCES events ON DELETE CASCADE,
  jpeg BLOB NOT NULL
) STRICT;

-- What is to be delivered, in order; each sink remembers how far it has come.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event INTEGER NOT NULL REFERENCES events ON DELETE CASCADE
) STRICT;
CREATE INDEX outbox_by_event ON outbox (event);
CREATE TABLE deliveries (
  sink TEXT PRIMARY KEY,
  last INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
