-- Events whose times may be wrong, because the clock had not been set: the boot, and the seconds since it.
CREATE TABLE doubts (
  event INTEGER PRIMARY KEY REFERENCES events ON DELETE CASCADE,
  boot TEXT NOT NULL,
  first_mark REAL NOT NULL,
  last_mark REAL NOT NULL
) STRICT;
