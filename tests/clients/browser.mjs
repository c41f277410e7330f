// A browser for tests of the page and for its pictures: the one at HADAL_CHROMIUM, or Debian's.
import { chromium } from "playwright-core";

const executablePath = process.env.HADAL_CHROMIUM ?? "/usr/bin/chromium";

export function launch() {
  // Root has no sandbox.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args });
}
