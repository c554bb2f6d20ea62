import { describe, expect, it } from 'vitest';
import { parseLogLine } from '../../../src/ffmpeg/log/log-line.js';

describe('parseLogLine', () => {
  it.each([
    ['[error] x: No such file or directory', 'error', '', 'x: No such file or directory'],
    ['[tcp @ 0x26f7b040] [error] Connection refused', 'error', 'tcp', 'Connection refused'],
    ["[info] Input #0, lavfi, from 'x':", 'info', '', "Input #0, lavfi, from 'x':"],
    ['[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55] [warning] st: 0', 'warning', 'mov,mp4,m4a,3gp,3g2,mj2', 'st: 0'],
    ['[Parsed_select_0 @ 0x5a] [debug] n:0', 'debug', 'Parsed_select_0', 'n:0'],
    // ffmpeg 7 names the stream and the decoder.
    ['[vist#0:0/h264 @ 0x5581] [dec:h264 @ 0x55ab] [error] Decode error', 'error', 'dec:h264', 'Decode error'],
    ['[in#0 @ 0x5581b2] [error] Error opening input: End of file', 'error', 'in#0', 'Error opening input: End of file'],
    ['[fatal] [a] [error] b', 'fatal', '', '[a] [error] b'],
    ['[panic] x', 'fatal', '', 'x'],
    ['[verbose] x', 'debug', '', 'x'],
    ['[trace] x', 'debug', '', 'x'],
    ['[error] ', 'error', '', ''],
    [
      '17:13:17.355653/SRT:RcvQ:w1!W:SRT.cn: connection rejected: Incorrect passphrase',
      ...['warning', 'srt', 'connection rejected: Incorrect passphrase'],
    ],
    ['17:13:17.355615/SRT:RcvQ:w1*E:SRT.cn: KMREQ result abnormal', 'error', 'srt', 'KMREQ result abnormal'],
    ['[error] one\u2028two', 'error', '', 'one\u2028two'],
  ])('parses %s', (line, level, module, text) => {
    expect(parseLogLine(line)).toEqual({ level, module, text });
  });

  it.each(['', 'setpriv: failed to execute ffmpeg', '[mumble] x', 'x [error] y', '[ error ] x'])(
    'takes what has no level for information: %s',
    (line) => {
      expect(parseLogLine(line)).toEqual({ level: 'info', module: '', text: line });
    },
  );
});
