// Headless Chromium for the tests of the demo page.

import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const PATIENCE_MS = Number(process.env.PATIENCE_SECONDS ?? 30) * 1000;

/** A browser with a profile of its own, and its first page. */
export async function launch(executablePath, packages) {
  const { chromium } = createRequire(resolve(packages, "package.json"))("playwright-core");
  const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "rialto-page-")), {
    executablePath,
    headless: true,
    timeout: 4 * PATIENCE_MS,
    viewport: { width: 1440, height: 900 },
    colorScheme: "light",
    reducedMotion: "reduce",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      // A container's is small, and a tab that finds it full is gone.
      "--disable-dev-shm-usage",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(PATIENCE_MS);
  return { context, page };
}
