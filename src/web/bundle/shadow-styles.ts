import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/**
 * media-chrome puts `<style>` elements into its shadow roots, which a page without `unsafe-inline` rejects
 * (github.com/muxinc/media-chrome/issues/898). This plugin turns them into constructed style sheets: `helpers` is the module
 * that does so in the browser. The build fails if a new version of media-chrome styles its shadow roots differently.
 */
export function strictShadowStyles(helpers: string): Plugin {
  return {
    name: 'strict-shadow-styles',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]media-chrome[\\/]dist[\\/].*\.js$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        return { contents: rewritten(text, path, helpers), loader: 'js' };
      });
    },
  };
}

const eitherWay =
  /this\.shadowRoot\.setHTMLUnsafe \? this\.shadowRoot\.setHTMLUnsafe\(html\) : this\.shadowRoot\.innerHTML = html;/g;
const templateAlone = /this\.shadowRoot\.innerHTML = (this\.constructor\.getTemplateHTML\(attrs\));/g;
const stylesOf = /styleParent\.querySelectorAll\("style:not\(\[media\]\)"\)/g;

function rewritten(text: string, path: string, helpers: string): string {
  const code = text
    .replace(eitherWay, 'fillShadowRoot(this.shadowRoot, html);')
    .replace(templateAlone, 'fillShadowRoot(this.shadowRoot, $1);')
    .replace(stylesOf, 'styleHoldersOf(styleParent)');
  if (/shadowRoot\.(?:innerHTML|setHTMLUnsafe)|querySelectorAll\("style/.test(code)) {
    throw new Error(`${path} styles its shadow root in a way that src/web/bundle/shadow-styles.ts does not support`);
  }
  if (code === text) return text;
  return `import { fillShadowRoot, styleHoldersOf } from ${JSON.stringify(helpers)};\n${code}`;
}
