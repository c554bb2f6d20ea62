/**
 * A small stroke font for drawn images. SVG text would need fonts, which small boards do not have (letters become boxes), and makes
 * fontconfig write a cache file. A glyph is an SVG path on a grid of width 4: capitals from y 0 to the baseline at 6, lowercase letters
 * from 2, descenders to 8.
 */
const glyphs: Readonly<Record<string, string>> = {
  ' ': '',
  '-': 'M.5 3.5H3.5',
  '.': 'M2 5.9V6',
  ':': 'M2 2.3V2.4M2 5.4V5.5',
  _: 'M0 6H4',
  '/': 'M0 6L4 0',
  0: 'M1 0H3L4 1V5L3 6H1L0 5V1ZM2.6 2.2L1.4 3.8',
  1: 'M.8 1.2L2 0V6M.8 6H3.2',
  2: 'M0 1L1 0H3L4 1V2L0 6H4',
  3: 'M0 1L1 0H3L4 1V2L3 3H1.5M3 3L4 4V5L3 6H1L0 5',
  4: 'M3 6V0L0 4H4',
  5: 'M4 0H0V2.5H3L4 3.5V5L3 6H1L0 5',
  6: 'M3.5 0H1.5L0 1.5V5L1 6H3L4 5V3.5L3 2.5H0',
  7: 'M0 0H4L1.5 6',
  8: 'M1 3L0 2V1L1 0H3L4 1V2L3 3H1L0 4V5L1 6H3L4 5V4L3 3',
  9: 'M.5 6H2.5L4 4.5V1L3 0H1L0 1V2.5L1 3.5H4',
  A: 'M0 6V1L1 0H3L4 1V6M0 3H4',
  B: 'M0 0H3L4 1V2L3 3H0M3 3L4 4V5L3 6H0V0',
  C: 'M4 1L3 0H1L0 1V5L1 6H3L4 5',
  D: 'M0 0H3L4 1V5L3 6H0Z',
  E: 'M4 0H0V6H4M0 3H3',
  F: 'M4 0H0V6M0 3H3',
  G: 'M4 1L3 0H1L0 1V5L1 6H3L4 5V3H2',
  H: 'M0 0V6M4 0V6M0 3H4',
  I: 'M1 0H3M2 0V6M1 6H3',
  J: 'M4 0V5L3 6H1L0 5',
  K: 'M0 0V6M4 0L0 3.5M1.3 2.5L4 6',
  L: 'M0 0V6H4',
  M: 'M0 6V0L2 3L4 0V6',
  N: 'M0 6V0L4 6V0',
  O: 'M1 0H3L4 1V5L3 6H1L0 5V1Z',
  P: 'M0 6V0H3L4 1V2L3 3H0',
  Q: 'M1 0H3L4 1V5L3 6H1L0 5V1ZM2.5 4.5L4 6',
  R: 'M0 6V0H3L4 1V2L3 3H0M2 3L4 6',
  S: 'M4 1L3 0H1L0 1V2L1 3H3L4 4V5L3 6H1L0 5',
  T: 'M0 0H4M2 0V6',
  U: 'M0 0V5L1 6H3L4 5V0',
  V: 'M0 0L2 6L4 0',
  W: 'M0 0L1 6L2 3L3 6L4 0',
  X: 'M0 0L4 6M4 0L0 6',
  Y: 'M0 0L2 3L4 0M2 3V6',
  Z: 'M0 0H4L0 6H4',
  a: 'M.5 2H3L4 3V6H1L0 5.2V4.8L1 4H4',
  b: 'M0 0V6H3L4 5V3L3 2H0',
  c: 'M4 2H1L0 3V5L1 6H4',
  d: 'M4 0V6H1L0 5V3L1 2H4',
  e: 'M0 4H4V3L3 2H1L0 3V5L1 6H3.5',
  f: 'M4 0H3L2 1V6M.5 2.5H3.5',
  g: 'M4 6H1L0 5V3L1 2H4V7L3 8H.5',
  h: 'M0 0V6M0 3L1 2H3L4 3V6',
  i: 'M2 .2V.3M1 2H2V6M1 6H3',
  j: 'M3 .2V.3M2 2H3V7L2 8H.5',
  k: 'M0 0V6M3.5 2L0 4.5M1.2 3.7L4 6',
  l: 'M1 0H2V6M1 6H3',
  m: 'M0 6V2H3.2L4 2.8V6M2 2V6',
  n: 'M0 6V2H3L4 3V6',
  o: 'M1 2H3L4 3V5L3 6H1L0 5V3Z',
  p: 'M0 8V2H3L4 3V5L3 6H0',
  q: 'M4 8V2H1L0 3V5L1 6H4',
  r: 'M0 6V2M0 3.5L1.5 2H3.5',
  s: 'M4 2H1L0 2.8V3.2L1 4H3L4 4.8V5.2L3 6H0',
  t: 'M1.5 0V5L2.5 6H4M0 2H3.5',
  u: 'M0 2V5L1 6H4M4 2V6',
  v: 'M0 2L2 6L4 2',
  w: 'M0 2L1 6L2 3L3 6L4 2',
  x: 'M0 2L4 6M4 2L0 6',
  y: 'M0 2V5L1 6H4M4 2V7L3 8H.5',
  z: 'M0 2H4L0 6H4',
};

const unknownGlyph = 'M0 0H4V6H0Z';
const advance = 6;

export const capitalHeight = 6;

/** The width of a line in grid units. */
export function lineWidth(text: string): number {
  return Math.max(0, [...text].length * advance - 2);
}

/** A line of text as SVG paths, `unit` pixels per grid unit, with the top left corner of its capitals at `left`, `top`. */
export function strokeLine({
  text,
  left,
  top,
  unit,
}: {
  text: string;
  left: number;
  top: number;
  unit: number;
}): string {
  const paths = [...text].map((letter, index) => {
    // `text` itself never becomes part of the SVG, so nothing needs escaping.
    const path = Object.hasOwn(glyphs, letter) ? glyphs[letter] : unknownGlyph;
    return path === '' ? '' : `<path transform="translate(${index * advance} 0)" d="${path}"/>`;
  });
  return `<g transform="translate(${left.toFixed(2)} ${top.toFixed(2)}) scale(${unit.toFixed(3)})">${paths.join('')}</g>`;
}
