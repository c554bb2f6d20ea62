/** The oldest supported browsers: scripts are compiled for them, and a test checks the style sheets. */
export const oldestBrowsers: readonly string[] = ['es2022', 'chrome111', 'firefox115', 'safari16.4', 'ios16.4'];
