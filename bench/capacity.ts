import { measureCapacity } from './support/capacity.js';
import type { Answer, QuestionOptions } from './support/question.js';

/** How many copied streams from files does a machine bear until thumbnails are too old or segments are missing? */
export function run({ quick }: QuestionOptions): Promise<Answer> {
  const counts = [1, 10, 20, 40, 60, 80, 100, 120, 128, 144, 160];
  return measureCapacity({ quick, way: 'pulled', counts, promised: 40, aim: 128 });
}
