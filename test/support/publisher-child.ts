import { createPublisher } from '../../src/storage/publisher.js';
import { createS3Store } from '../../src/storage/s3.js';
import { Show } from '../storage/publish/studio.js';
import { s3ConfigFor } from './s3/config.js';

/** A node of its own process that publishes a stream until it is killed: `publisher-child.ts ENDPOINT KEY SECRET SESSION`. */
const [endpoint = '', accessKeyId = '', secretAccessKey = '', session = ''] = process.argv.slice(2);
const store = await createS3Store(s3ConfigFor({ endpoint, credentials: { accessKeyId, secretAccessKey } }));
const publisher = createPublisher({
  store,
  backlogBytes: 20_000_000,
  lease: { ttlMs: 1500 },
  timing: { coalesceMs: 60 },
});
publisher.start();
const show = new Show(publisher, { session, bytes: 200_000, graceSeconds: 0.5 });
setInterval(() => show.segment(), 50);
