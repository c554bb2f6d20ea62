import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** The browser of the machine, without anything that reaches for the network by itself. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface WatchedPage {
  readonly page: Page;
  /** Errors on the console, uncaught exceptions, and violations of the content security policy. */
  readonly complaints: string[];
  close(): Promise<void>;
}

/** A page in a context of its own that notes every complaint. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} ${message.location().url}`);
  });
  await page.exposeFunction('noteViolation', (text: string) => complaints.push(`policy: ${text}`));
  await page.addInitScript(`
    document.addEventListener('securitypolicyviolation', (event) =>
      window.noteViolation(event.violatedDirective + ' ' + event.blockedURI));
  `);
  return { page, complaints, close: () => context.close() };
}
