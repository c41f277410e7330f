// What tests of the page do with it, and see of it. The server is at HADAL_URL.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { setTimeout } from "node:timers/promises";
import { launch } from "./browser.mjs";

const { HADAL_URL: url, HADAL_PLAIN: plain } = process.env;

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Opens a page, and checks at the end that it asked for nothing elsewhere, ran nothing foreign and met no error. */
export async function open(address, use) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("request", (request) => request.url().startsWith(address) || problems.push(request.url()));
  try {
    await page.goto(address);
    await use(page, problems);
    assert.equal(await page.evaluate(() => window.hostile), undefined);
    assert.deepEqual(problems, []);
  } finally {
    await page.close();
  }
}

/** Adds fields to what the page asks for. */
function addFields(fields) {
  const send = window.fetch;
  window.fetch = (path, options) =>
    send(path, options?.body ? { ...options, body: JSON.stringify({ ...JSON.parse(options.body), ...fields }) } : options);
}

/** Opens the chat, waits until the model is ready, and limits its answers, which have tokens of plain text alone. */
export const chat = (use, tokens = 20, fields = {}) =>
  open(url, async (page, problems) => {
    await page.addInitScript(addFields, { logit_bias: JSON.parse(plain), ...fields });
    await page.reload();
    await page.locator("#state[data-state=ready]").waitFor();
    await page.getByLabel("Most tokens").fill(`${tokens}`);
    await page.getByLabel("Seed").fill("3");
    await use(page, problems);
  });

export async function ask(page, text) {
  await page.getByLabel("Your question").fill(text);
  await page.getByLabel("Your question").press("Enter");
}

export const ended = (page, count = 1) => page.locator(".answer[aria-busy=false] .figures").nth(count - 1).waitFor();

/** The chunks of a response of the server. */
export const chunksOf = async (response) =>
  (await response.text())
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice(6)));

/** Answers the next request of the page with these chunks. */
export const answerWith = (page, chunks) =>
  page.route(
    "**/v1/chat/completions",
    (route) =>
      route.fulfill({
        contentType: "text/event-stream",
        body: [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"].map((data) => `data: ${data}\n\n`).join(""),
      }),
    { times: 1 },
  );

/** The value of a metric of the server, of the line that has these words. */
async function metric(...words) {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
  return Number(lines.find((line) => words.every((word) => line.includes(word))).split(" ").at(-1));
}

export const running = () => metric("num_requests_running{");

export const givenUp = () => metric("request_success_total{", 'finished_reason="abort"');

/** Waits until a metric has a value; the test's own limit of time ends this, too. */
export async function become(read, value, signal) {
  while ((await read()) !== value) await setTimeout(20, undefined, { signal });
}

/** The tokens that are lit, and how brightly. */
export const lit = (page) =>
  page.locator(".token").evaluateAll((tokens) =>
    Object.fromEntries(
      tokens.flatMap((token, at) => (token.classList.contains("lit") ? [[at, Number(token.style.getPropertyValue("--heat"))]] : [])),
    ),
  );

/** The positions of each layer that the strip shows. */
export const drawn = (page, layers, positions) =>
  page.locator(".selection-strip canvas").evaluate(
    (canvas, [layers, positions]) => {
      const context = canvas.getContext("2d");
      // The last cell is that of the token itself, and the answer's beginning is a line at the left of its own.
      const isDrawn = (layer, position) => {
        const x = ((position + 0.6) * canvas.width) / (positions + 1);
        const [red, , blue] = context.getImageData(x, ((layer + 0.5) * canvas.height) / layers, 1, 1).data;
        return blue > red + 50;
      };
      return Array.from({ length: layers }, (_, layer) =>
        Array.from({ length: positions }, (_, position) => position).filter((position) => isDrawn(layer, position)),
      );
    },
    [layers, positions],
  );

/** How brightly positions are to be lit: by the share of layers that chose them. */
export function heats(layers) {
  const shares = {};
  for (const position of layers.flat()) shares[position] = (shares[position] ?? 0) + 1 / layers.length;
  return shares;
}
