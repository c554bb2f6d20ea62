/** The oldest that the pages are made for: the syntax of scripts is written for them, and style sheets are checked. */
export const oldestBrowsers: readonly string[] = ['es2022', 'chrome111', 'firefox115', 'safari16.4', 'ios16.4'];
