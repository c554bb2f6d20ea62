import { resolve } from 'node:path';
import type { Config } from '../../config/schema/schema.js';
import type { ObjectStore } from '../../storage/store.js';
import type { StateStore } from '../saved-streams.js';
import { stateFile } from './file.js';
import { stateObject } from './object.js';

/** The configured place for saved API streams; undefined: they are not saved. */
export function openState({ state, admin }: Config, store: ObjectStore | undefined): StateStore | undefined {
  if (state.file !== undefined) return stateFile(resolve(state.file));
  if (!state.store || store === undefined || admin.token === undefined) return undefined;
  return stateObject({ store, password: admin.token });
}
