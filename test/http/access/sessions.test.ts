import { describe, expect, it } from 'vitest';
import { createSessions } from '../../../src/http/access/sessions.js';

const now = 1_800_000_000_000;

describe('createSessions', () => {
  it('knows its own values until they end', () => {
    const sessions = createSessions({ lifetimeMs: 1000 });
    const value = sessions.begin(now);
    expect(value).toMatch(/^[\w-]{43}$/);
    expect(sessions.expiresAt(value, now + 999)).toBe(now + 1000);
    expect(sessions.expiresAt(value, now + 1000)).toBeUndefined();
    expect(sessions.size).toBe(0);
    for (const other of ['', 'x', value.slice(1), `${value}A`, 'A'.repeat(43)]) {
      expect(sessions.expiresAt(other, now)).toBeUndefined();
    }
  });

  it('forgets a session that was ended', () => {
    const sessions = createSessions();
    const [one, other] = [sessions.begin(now), sessions.begin(now)];
    sessions.end(one);
    expect(sessions.expiresAt(one, now)).toBeUndefined();
    expect(sessions.expiresAt(other, now)).toBeDefined();
  });

  it('holds a bounded number: the oldest goes', () => {
    const sessions = createSessions({ most: 3 });
    const values = Array.from({ length: 5 }, (_, index) => sessions.begin(now + index));
    expect(values.map((value) => sessions.expiresAt(value, now + 10) !== undefined)).toEqual([
      ...[false, false, true, true, true],
    ]);
    expect(sessions.size).toBe(3);
  });
});
