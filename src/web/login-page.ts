import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { type Html, icon, layout } from './layout.js';

export interface LoginPageOptions {
  /** Redirect target after the login, relative to the root. */
  readonly next: string;
  /** Why the last attempt was rejected. */
  readonly refusal: string | undefined;
  readonly assets: WebAssets;
  readonly version: string;
}

/** `/login`: prompts for the admin token. Works without scripts. */
export function loginPage({ next, refusal, assets, version }: LoginPageOptions): Html {
  return layout({
    title: 'Sign in · sidepipe',
    ...{ up: '', assets, version },
    main: html`<main id="main">
<section class="error">
${icon(assets, 'camera')}
<h1>Sign in</h1>
<p>Enter the admin token of this node: <code>admin.token</code> in the configuration, or the token printed at startup.</p>
${refusal === undefined ? '' : html`<p class="notice" role="alert">${icon(assets, 'warning')}<span>${refusal}</span></p>`}
<form class="login" method="post" action="login">
<input type="hidden" name="next" value="${next}">
<input class="unseen" type="text" name="username" value="admin" autocomplete="username" tabindex="-1" aria-hidden="true" readonly>
<label for="token">Admin token</label>
<input id="token" name="token" type="password" required autocomplete="current-password" autofocus>
<button class="button" type="submit">Sign in</button>
</form>
</section>
</main>`,
  });
}
