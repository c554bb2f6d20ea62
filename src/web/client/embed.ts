import { mountPlayer } from './player/player.js';
import { ServerClock } from './server-clock.js';

const root = document.querySelector<HTMLElement>('[data-player]');
if (root !== null) mountPlayer({ root, clock: new ServerClock() });
