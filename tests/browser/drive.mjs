// Drives a headless Chromium that has a profile, a certificate store and a home of its own.
//
// Settings: { executable, home, options, args }; `options` are Playwright's of a context. Each command names the page (tab)
// that it is about, and does what its name says.
import { chromium } from 'playwright-core';
import { AxeBuilder } from '@axe-core/playwright';
import { serve } from './protocol.mjs';

const PATIENCE_MS = 30_000;

serve(async ({ executable, home, options, args }) => {
  const context = await chromium.launchPersistentContext(`${home}/profile`, {
    executablePath: executable,
    env: { ...process.env, HOME: home },
    args,
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const pages = [];
  const complaints = [];
  const page = ({ page: index }) => pages[index];
  const watch = (opened) => {
    pages.push(opened);
    opened.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    opened.on('pageerror', (error) => complaints.push(String(error)));
  };
  context.pages().forEach(watch);
  context.on('page', watch);

  const commands = {
    async open() {
      const opened = await context.newPage();
      return pages.indexOf(opened);
    },
    goto: (asked) => arrive(page(asked), (options) => page(asked).goto(asked.url, options)),
    reload: (asked) => arrive(page(asked), (options) => page(asked).reload(options)),
    async back(asked) { await page(asked).goBack(); },
    url: (asked) => page(asked).url(),
    html: (asked) => page(asked).content(),
    text: (asked) => page(asked).locator(asked.selector).first().innerText(),
    count: (asked) => page(asked).locator(asked.selector).count(),
    waitFor: (asked) => page(asked).locator(asked.selector).first().waitFor().then(() => null),
    waitUntilAt: (asked) => page(asked).waitForURL((url) => url.href === asked.url),
    click: (asked) => page(asked).locator(asked.selector).first().click(),
    clickInFrame: (asked) => page(asked).frameLocator('iframe').locator(asked.selector).first().click(),
    waitForInFrame: (asked) => page(asked).frameLocator('iframe').locator(asked.selector).first().waitFor().then(() => null),
    fill: (asked) => page(asked).locator(asked.selector).first().fill(asked.value),
    async evaluate(asked) { return page(asked).evaluate(asked.script); },
    cookies: () => context.cookies(),
    setCookies: ({ cookies }) => context.addCookies(cookies),
    clearCookies: () => context.clearCookies(),
    // Whoever goes to an address that begins so stays where they are: 204 commits no navigation.
    hold: ({ url }) => context.route((asked) => asked.href.startsWith(url), (route) => route.fulfill({ status: 204 })),
    release: () => context.unrouteAll(),
    complaints: () => complaints.splice(0),
    viewport: (asked) => page(asked).setViewportSize({ width: asked.width, height: asked.height }),
    colours: (asked) => page(asked).emulateMedia({ colorScheme: asked.scheme }),
    async screenshot(asked) { await page(asked).screenshot({ path: asked.path, fullPage: true }); },
    // What axe finds wrong, each with its impact.
    async axe(asked) {
      const { violations } = await new AxeBuilder({ page: page(asked) }).analyze();
      return violations.map(({ id, impact, help, nodes }) => ({
        id, impact, help, where: nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary}`),
      }));
    },
  };
  return { ready: { version: context.browser()?.version() ?? null }, commands };
});

// The status of the page that was asked for. It may lead on by itself before it has been loaded whole.
async function arrive(page, navigate) {
  const response = await navigate({ waitUntil: 'commit' });
  await page.waitForLoadState();
  return response.status();
}
