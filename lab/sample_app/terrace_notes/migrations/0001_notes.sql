CREATE TABLE notes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  text text NOT NULL CHECK (length(text) BETWEEN 1 AND 10000),
  created timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notes_created ON notes (created);
