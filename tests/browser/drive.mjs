// Drives a headless Chromium that has a profile, a certificate store and a home of its own.
//
// Settings: { executable, home, rules, locale, arguments }. Each command names the page (tab) that it is about; what they do
// is in the names.
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
    close: (asked) => page(asked).close(),
    async goto(asked) {
      const response = await page(asked).goto(asked.url);
      return { status: response.status(), headers: response.headers() };
    },
    async reload(asked) {
      const response = await page(asked).reload();
      return { status: response.status(), headers: response.headers() };
    },
    async back(asked) { await page(asked).goBack(); },
    url: (asked) => page(asked).url(),
    title: (asked) => page(asked).title(),
    html: (asked) => page(asked).content(),
    text: (asked) => page(asked).locator(asked.selector).first().innerText(),
    count: (asked) => page(asked).locator(asked.selector).count(),
    waitFor: (asked) => page(asked).locator(asked.selector).first().waitFor().then(() => null),
    waitUntilAt: (asked) => page(asked).waitForURL((url) => url.href === asked.url),
    click: (asked) => page(asked).locator(asked.selector).first().click(),
    fill: (asked) => page(asked).locator(asked.selector).first().fill(asked.value),
    press: (asked) => page(asked).keyboard.press(asked.key),
    async evaluate(asked) { return page(asked).evaluate(asked.script); },
    cookies: () => context.cookies(),
    setCookies: ({ cookies }) => context.addCookies(cookies),
    clearCookies: () => context.clearCookies(),
    complaints: () => complaints.splice(0),
    viewport: (asked) => page(asked).setViewportSize({ width: asked.width, height: asked.height }),
    colours: (asked) => page(asked).emulateMedia({ colorScheme: asked.scheme }),
    languages: ({ accepted }) => context.setExtraHTTPHeaders({ 'accept-language': accepted }),
    async screenshot(asked) { await page(asked).screenshot({ path: asked.path, fullPage: true }); },
    // What axe finds wrong, worst first told by its impact.
    async axe(asked) {
      const { violations } = await new AxeBuilder({ page: page(asked) }).analyze();
      return violations.map(({ id, impact, help, nodes }) => ({
        id, impact, help, where: nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary}`),
      }));
    },
  };
  return { ready: { version: context.browser()?.version() ?? null }, commands };
});
