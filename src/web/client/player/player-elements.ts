import 'media-chrome/dist/media-airplay-button.js';
import 'media-chrome/dist/media-captions-button.js';
import 'media-chrome/dist/media-control-bar.js';
import 'media-chrome/dist/media-controller.js';
import 'media-chrome/dist/media-fullscreen-button.js';
import 'media-chrome/dist/media-live-button.js';
import 'media-chrome/dist/media-loading-indicator.js';
import 'media-chrome/dist/media-mute-button.js';
import 'media-chrome/dist/media-pip-button.js';
import 'media-chrome/dist/media-play-button.js';
import 'media-chrome/dist/media-volume-range.js';
import 'media-chrome/dist/menu/media-chrome-menu-item.js';
import 'media-chrome/dist/menu/media-rendition-menu-button.js';
import { MediaRenditionMenu } from 'media-chrome/dist/menu/media-rendition-menu.js';
import { bitrateInWords } from '../words.js';

/** The controls of the player: importing this file registers the custom elements. */

const { formatRendition } = MediaRenditionMenu;
// A playlist need not state the size of a rendition; the bitrate then distinguishes them.
MediaRenditionMenu.formatRendition = function (rendition, options) {
  return rendition.height ? formatRendition.call(this, rendition, options) : bitrateInWords(rendition.bitrate ?? 0);
};
