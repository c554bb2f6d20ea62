import { isTooDeep } from '../../config/tree.js';
import { messageOf } from '../../errors.js';
import type { SavedStream } from '../saved-streams.js';

/** The JSON format of saved streams. Pure. */

const format = 'sidepipe-streams';
const version = 1;

export function writeState(streams: readonly SavedStream[]): string {
  return `${JSON.stringify({ format, version, streams }, undefined, 2)}\n`;
}

/** Parses a text. `problem`: it is invalid, at least in part; never contains anything of the text itself. */
export function readState(text: string): { streams: SavedStream[]; problem?: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const place = /position \d+/.exec(messageOf(error))?.[0];
    return { streams: [], problem: `invalid JSON${place === undefined ? '' : ` (${place} of ${text.length})`}` };
  }
  const state = value as { format?: unknown; version?: unknown; streams?: unknown } | null;
  if (state?.format !== format || !Array.isArray(state.streams))
    return { streams: [], problem: 'not a file of saved streams' };
  if (state.version !== version)
    return { streams: [], problem: `unsupported version ${String(state.version).slice(0, 20)}` };
  const streams = state.streams.filter(isSaved);
  const lost = state.streams.length - streams.length;
  return lost === 0 ? { streams } : { streams, problem: `${lost} of ${state.streams.length} entries are invalid` };
}

function isSaved(entry: unknown): entry is SavedStream {
  const { input, madeFrom } = (entry ?? {}) as { input?: { name?: unknown }; madeFrom?: unknown };
  return (
    typeof input?.name === 'string' && !isTooDeep(input) && (madeFrom === undefined || typeof madeFrom === 'string')
  );
}
