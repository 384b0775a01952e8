import { createHash } from 'node:crypto'
import { PGlite } from '@electric-sql/pglite'

const digest = (algorithm: string, text: string): Buffer => createHash(algorithm).update(text).digest()
/** Quick to verify; a database of one's own has bcrypt. */
const hash = `{SHA}${digest('sha1', 'secret').toString('base64')}`

/** Fills a directory with what `examples/database.ts` reads: `ann` and `bob`, a token that is good, and one that expired. */
export async function exampleDatabase(directory: string): Promise<string> {
  const database = await PGlite.create(directory)
  await database.exec(`
    CREATE TABLE users (name text PRIMARY KEY, password text NOT NULL, may_upload boolean NOT NULL);
    CREATE TABLE tokens (sha256 text PRIMARY KEY, owner text NOT NULL, expires timestamptz NOT NULL);
    INSERT INTO users VALUES ('ann', '${hash}', true), ('bob', '${hash}', false);
    INSERT INTO tokens VALUES
      ('${digest('sha256', 'machine secret').toString('hex')}', 'ann', now() + interval '1 day'),
      ('${digest('sha256', 'expired secret').toString('hex')}', 'ann', now() - interval '1 day');`)
  await database.close()
  return directory
}
