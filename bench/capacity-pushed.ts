import { measureCapacity } from './support/capacity.js';
import type { Answer, QuestionOptions } from './support/question.js';

/** A few publishers say no more than a few files do. */
export const isSlow = true;

/** The same for streams that are published by RTMP: their media passes through the node once more. */
export function run({ quick }: QuestionOptions): Promise<Answer> {
  return measureCapacity({ quick, way: 'pushed', counts: [20, 40, 60, 80], promised: 40, aim: 60 });
}
