// Makes the README's pictures of the page: node screenshots.mjs URL FOLDER, of the embedded model served with
// --record-selection and --drafts 1.
import { join } from "node:path";
import { launch } from "./browser.mjs";

const [url, folder] = process.argv.slice(2);
const INSTRUCTIONS =
  "In the beginning God created the heaven and the earth. And the earth was without form, and void; and darkness was upon the face " +
  "of the deep. And the Spirit of God moved upon the face of the waters. And God said, Let there be light: and there was light. And " +
  "God saw the light, that it was good: and God divided the light from the darkness.";
const QUESTIONS = [
  "And God called the light Day, and the darkness he called Night. And the evening and the morning were the first day.",
  "And God said, Let there be a firmament in the midst of the waters, and let it divide the waters from the waters.",
];

const browser = await launch();
for (const colorScheme of ["light", "dark"]) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1120, height: 770 } });
  await page.goto(url);
  await page.locator("#state[data-state=ready]").waitFor();
  await page.getByLabel("Instructions").fill(INSTRUCTIONS);
  await page.getByLabel("Temperature").fill("0.7");
  await page.getByLabel("Most tokens").fill("96");
  await page.getByLabel("Seed").fill("11");
  for (const [index, text] of QUESTIONS.entries()) {
    await page.getByLabel("Your question").fill(text);
    await page.getByLabel("Your question").press("Enter");
    await page.locator(".answer .figures").nth(index).waitFor();
  }
  if (colorScheme === "light") {
    await page.getByLabel("Your question").blur();
    await page.getByLabel("Instructions").evaluate((instructions) => (instructions.scrollTop = 0));
    await page.screenshot({ path: join(folder, "chat.png") });
    continue;
  }
  await page.getByRole("button", { name: "Settings" }).click();
  await page.locator("details.selection summary").last().click();
  await page.locator(".token.written").nth(40).click();
  await page.locator(".answer .figures").last().evaluate((figures) => figures.scrollIntoView({ block: "start" }));
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(folder, "attention.png") });
}
await browser.close();
