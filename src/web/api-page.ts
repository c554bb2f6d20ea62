import { html } from 'hono/html';
import type { ApiDocument, ApiOperation, ApiSchema } from './api-description.js';
import { inWords, referenceName, rowsOf } from './api-schema.js';
import type { WebAssets } from './assets.js';
import { type Html, layout } from './layout.js';

export interface ApiPageOptions {
  readonly document: ApiDocument;
  /** Public base URL of the node, without a trailing slash. */
  readonly base: string;
  readonly assets: WebAssets;
  readonly version: string;
}

interface Shown {
  readonly method: string;
  readonly path: string;
  readonly operation: ApiOperation;
}

/** The API reference as a page: generated from the OpenAPI document, without scripts. */
export function apiPage({ document, base, assets, version }: ApiPageOptions): Html {
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Shown => ({ method, path, operation })),
  );
  const tags = document.tags ?? [];
  const of = (tag: string) => all.filter(({ operation }) => operation.tags.includes(tag));
  const schemas = Object.entries(document.components?.schemas ?? {});
  return layout({
    title: 'API · sidepipe',
    up: '../',
    assets,
    version,
    styles: ['api'],
    main: html`<main id="main" class="api">
<nav class="api-index" aria-label="Operations">
${tags.map(({ name }) => html`<h2>${name}</h2><ul>${of(name).map(indexEntry)}</ul>`)}
<h2>Schemas</h2>
<ul>${schemas.map(([name]) => html`<li><a href="#schema-${name}">${name}</a></li>`)}</ul>
</nav>
<div class="api-body">
<h1>API</h1>
<p>${prose(document.info.description ?? '')}</p>
<p>Specification: <a href="v1/openapi.json">OpenAPI 3.1</a>. Requests marked <em class="tag">operators only</em> need the admin token:
<code>Authorization: Bearer …</code></p>
${tags.map(
  ({ name, description = '' }) => html`<section aria-labelledby="tag-${name}">
<h2 id="tag-${name}">${name}</h2>
<p>${prose(description)}</p>
${of(name).map((shown) => operationPart(shown, base))}
</section>`,
)}
<section aria-labelledby="schemas">
<h2 id="schemas">Schemas</h2>
${schemas.map(([name, schema]) => schemaPart(name, schema))}
</section>
</div>
</main>`,
  });
}

function indexEntry({ method, path, operation }: Shown): Html {
  return html`<li><a href="#${operation.operationId}">${methodName(method)} <span>${path.replace('/api/v1', '')}</span></a></li>`;
}

function methodName(method: string): Html {
  return html`<b class="method method-${method}">${method.toUpperCase()}</b>`;
}

function operationPart({ method, path, operation }: Shown, base: string): Html {
  const { operationId, summary, description, security, parameters = [], requestBody, responses } = operation;
  const isForOperators = !security.some((each) => Object.keys(each).length === 0);
  return html`<article id="${operationId}">
<h3>${methodName(method)} <code>${path}</code></h3>
<p>${prose(summary)}${isForOperators ? html` <em class="tag">operators only</em>` : ''}</p>
${description === undefined ? '' : html`<p>${prose(description)}</p>`}
${
  parameters.length === 0
    ? ''
    : table(
        `Parameters of ${operationId}`,
        ['Parameter', 'Type', 'Description'],
        parameters.map((each) => [
          html`<code>${each.name}</code> <small>${each.in}${each.required ? ', required' : ''}</small>`,
          inWords(each.schema ?? {}),
          prose(each.description ?? ''),
        ]),
      )
}
${requestBody === undefined ? '' : bodyPart(requestBody)}
<pre tabindex="0"><code>${exampleOf({ method, path, operation }, base, isForOperators)}</code></pre>
${table(
  `Responses of ${operationId}`,
  ['Status', 'Body', 'Description'],
  Object.entries(responses).map(([status, { description: text, content = {} }]) => [
    html`<code>${status}</code>`,
    html`${Object.entries(content).map(([type, { schema = {} }]) => html`${inWords(schema)} <small>${type}</small>`)}`,
    prose(text),
  ]),
)}
</article>`;
}

function bodyPart({ required, content }: NonNullable<ApiOperation['requestBody']>): Html {
  const [schema] = Object.values(content).map((each) => each.schema ?? {});
  const types = Object.keys(content).map((type, index) => html`${index === 0 ? '' : ' or '}<code>${type}</code>`);
  return html`<p>Body${required ? '' : ' (optional)'}: ${inWords(schema ?? {})} as ${types}</p>`;
}

/** The request as a curl command. */
function exampleOf({ method, path, operation }: Shown, base: string, isForOperators: boolean): string {
  const lines = [
    `curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}${base}${path.replace('{stream}', 'front-door')}`,
  ];
  if (path.endsWith('/events')) lines[0] = lines[0]!.replace('curl', 'curl -N');
  if (isForOperators) lines.push('  -H "Authorization: Bearer $TOKEN"');
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (type !== undefined) {
    lines.push(`  -H 'Content-Type: ${type}'`, `  -d '${JSON.stringify(content?.example)}'`);
  }
  return lines.join(' \\\n');
}

function schemaPart(name: string, schema: ApiSchema): Html {
  const rows = rowsOf(schema);
  const options = schema.oneOf ?? schema.anyOf ?? [];
  return html`<article id="schema-${name}">
<h3>${name}</h3>
${schema.description === undefined ? '' : html`<p>${prose(schema.description)}</p>`}
${options.length === 0 ? '' : html`<ul>${options.map((each) => html`<li><a href="#schema-${referenceName(each.$ref) ?? ''}">${referenceName(each.$ref) ?? ''}</a></li>`)}</ul>`}
${
  rows.length === 0
    ? ''
    : table(
        `Properties of ${name}`,
        ['Property', 'Type', 'Description'],
        rows.map(({ path, required, schema: inner }) => [
          html`<code>${path}</code>${required ? '' : html` <small>optional</small>`}`,
          inWords(inner),
          prose(inner.description ?? ''),
        ]),
      )
}
</article>`;
}

function table(label: string, heads: readonly string[], rows: readonly (readonly (Html | string)[])[]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table></div>`;
}

/** A description as HTML: words in backquotes become `<code>`. */
function prose(text: string): Html {
  return html`${text.split(/`([^`]+)`/).map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
