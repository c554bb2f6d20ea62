import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name: string): string => fileURLToPath(new URL(`tls/${name}.pem`, import.meta.url));

/** A certificate for 127.0.0.1 that nobody trusts; its key is public and of no use elsewhere. */
export const testTls = { key: readFileSync(path('server-key'), 'utf8'), cert: readFileSync(path('server'), 'utf8') };
/** The authority that signed it. */
export const testAuthorityFile = path('authority');
