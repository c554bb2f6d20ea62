import { onTestFinished } from 'vitest';
import { type FeedEvent, feedEventSchema } from '../../src/events/feed-schema.js';
import { until } from './wait.js';

interface ReceivedEvent {
  readonly id: string | undefined;
  readonly name: string;
  readonly event: FeedEvent;
}

/** Reads an event stream to its end, checking every event by its schema. */
export function readEvents(response: Response) {
  const received: ReceivedEvent[] = [];
  const state = { ended: false, text: '' };
  const reader = response.body!.getReader();
  onTestFinished(() => reader.cancel().catch(() => {}));
  const decoder = new TextDecoder();
  const reading = (async () => {
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const text = decoder.decode(value, { stream: true });
      state.text += text;
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
        const data = fields.get('data');
        if (data === undefined) continue;
        const event = feedEventSchema.parse(JSON.parse(data));
        received.push({ id: fields.get('id'), name: fields.get('event') ?? '', event });
      }
    }
  })()
    .catch(() => {})
    .finally(() => {
      state.ended = true;
    });
  return {
    received,
    state,
    reading,
    cancel: () => reader.cancel(),
    /** Waits for the first event that passes. */
    event: <Type extends FeedEvent['type']>(
      type: Type,
      passes: (event: Extract<FeedEvent, { type: Type }>) => boolean = () => true,
    ) =>
      until(
        `an event ${type}`,
        () => {
          const found = received.find(({ event }) => event.type === type && passes(event as never));
          return found as (ReceivedEvent & { event: Extract<FeedEvent, { type: Type }> }) | undefined;
        },
        { timeoutMs: 20_000 },
      ),
  };
}
