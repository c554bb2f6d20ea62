import { expect, it } from 'vitest';
import { z } from 'zod';
import { fields } from '../../src/config/parse.js';
import { plain } from '../../src/config/plain.js';
import { isSecretName } from '../../src/config/redact.js';
import { nameOf } from './reference.js';

it('no setting with a number has the name of a secret: its value would be masked in every text, also in what ffmpeg logs', () => {
  const numbers = fields.filter(({ schema }) => {
    const { type } = z.toJSONSchema(plain(schema), { io: 'input' });
    return type === 'integer' || type === 'number';
  });
  expect(numbers.length).toBeGreaterThan(50);
  expect(numbers.filter(({ path }) => isSecretName(path.at(-1)!)).map(nameOf)).toEqual([]);
});
