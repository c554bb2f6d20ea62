import { expect, it } from 'vitest';
import { parseWrk } from '../../bench/support/wrk.js';

const output = (more = '') => `Running 2s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  83194 requests in 2.00s, 9.84GB read
${more}Requests/sec:  41571.44
Transfer/sec:      4.92GB
`;

it('reads the rate that wrk prints, and no rate beside errors', () => {
  expect(parseWrk(output())).toBe(41571.44);
  expect(() => parseWrk(output('  Socket errors: connect 0, read 3, write 0, timeout 0\n'))).toThrow('read 3');
  expect(() => parseWrk(output('  Non-2xx or 3xx responses: 12\n'))).toThrow('12');
  expect(() => parseWrk('')).toThrow('no rate');
});
