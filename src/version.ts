import { createRequire } from 'node:module';

/** The package's version. The file lies one folder above both `src` and `dist`. */
export const { version } = createRequire(import.meta.url)('../package.json') as { readonly version: string };
