import { setTimeout as delay } from 'node:timers/promises';

// Preloaded into a process that is measured (see heap.ts): tells on request what V8's heap holds after full collections.
process.on('message', async () => {
  // What is only let go of by a finalizer or in a callback takes more than one.
  for (let turn = 0; turn < 4; turn += 1) {
    globalThis.gc();
    await delay(20);
  }
  process.send(process.memoryUsage().heapUsed);
});
// By itself it keeps nobody from ending.
process.channel.unref();
