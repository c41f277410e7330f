// The page of the server at HADAL_URL in a browser. The model's name there is HADAL_HOSTILE, which must stay a text.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { answerWith, ask, become, chat, chunksOf, drawn, ended, givenUp, heats, lit, open, running } from "./page.mjs";

const { HADAL_LOCKED_URL: lockedUrl, HADAL_HOSTILE: hostile, HADAL_TRACE: trace } = process.env;
const TOOL = {
  type: "function",
  function: {
    name: "open",
    parameters: {
      type: "object",
      properties: { day: { enum: ["monday", "friday"] } },
      required: ["day"],
      additionalProperties: false,
    },
  },
};

test("an answer streams, with its figures, and the conversation goes on", () =>
  chat(async (page) => {
    const response = page.waitForResponse("**/v1/chat/completions");
    await ask(page, "Who's there?");
    await ended(page);
    const chunks = await chunksOf(await response);
    const content = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    assert.equal(await page.locator(".answer .content").textContent(), content.trimStart());
    const figures = await page.locator(".figures").textContent();
    assert.match(figures, /tokens20/);
    assert.match(figures, /tokens\/s\d/);
    assert.match(figures, /to the first\d/);
    assert.match(figures, /prompt tokens from the cache\d+ of \d+/);
    assert.match(await page.locator(".answer .end").textContent(), /limit of tokens/);

    const next = page.waitForRequest("**/v1/chat/completions");
    await ask(page, "And now?");
    await ended(page, 2);
    assert.deepEqual((await next).postDataJSON().messages, [
      { role: "user", content: "Who's there?" },
      { role: "assistant", content },
      { role: "user", content: "And now?" },
    ]);
    await page.getByRole("button", { name: "New chat" }).click();
    assert.equal(await page.locator(".turn").count(), 0);
  }));

test("a thought is folded", () =>
  chat(async (page) => {
    await page.getByLabel("Think before answering").check();
    await ask(page, "Who's there?");
    await ended(page);
    assert.equal(await page.locator(".thought").getAttribute("open"), null);
    assert.equal(await page.locator(".thought-text").isVisible(), false);
    await page.locator(".thought summary").click();
    assert.notEqual((await page.locator(".thought-text").textContent()).trim(), "");
    assert.equal(await page.locator(".answer .content").isVisible(), false);
  }));

test("a call is a card, and its result is sent back", () =>
  chat(async (page) => {
    await page.getByText("Tools as JSON").click();
    await page.locator("#tools").fill("[{");
    assert.match(await page.locator("#tools-note").textContent(), /not JSON/);
    await page.locator("#tools").fill(JSON.stringify([TOOL]));
    assert.match(await page.locator("#tools-note").textContent(), /1 tool\./);
    await page.getByLabel("Tool calls").selectOption("required");
    await page.getByLabel("Most tokens").fill("2000");
    await ask(page, "Open the door");
    const card = page.locator(".call").first();
    await card.getByLabel("Result").fill("It is open.");
    assert.equal(await card.locator(".call-name").textContent(), "open");
    const day = JSON.parse(await card.locator("pre").textContent()).day;
    assert.ok(["monday", "friday"].includes(day));
    for (const other of (await page.locator(".call textarea").all()).slice(1)) await other.fill("So is this.");
    assert.ok(await page.locator("#send").isDisabled());
    await page.getByLabel("Tool calls").selectOption("none");
    await page.getByLabel("Most tokens").fill("5");
    const next = page.waitForRequest("**/v1/chat/completions");
    await page.locator(".give").click();
    const { messages } = (await next).postDataJSON();
    assert.equal(messages[1].tool_calls[0].function.name, "open");
    assert.equal(JSON.parse(messages[1].tool_calls[0].function.arguments).day, day);
    assert.deepEqual(messages[2], { role: "tool", tool_call_id: messages[1].tool_calls[0].id, content: "It is open." });
    await ended(page, 2);
  }));

test("what stops an answer frees its request", { timeout: 30_000 }, ({ signal }) =>
  chat(async (page) => {
    const before = await givenUp();
    await ask(page, "Go on and on");
    await page.locator(".answer .content:not(:empty)").waitFor();
    assert.notEqual(await running(), 0);
    await page.getByRole("button", { name: "Stop" }).click();
    assert.equal(await page.locator(".answer .end").textContent(), "Stopped.");
    await become(givenUp, before + 1, signal);
    await become(running, 0, signal);
    await page.getByLabel("Most tokens").fill("5");
    await ask(page, "And now?");
    await ended(page);
    // Several texts of this length last longer than a busy browser takes to stop them.
  }, 7000, { n: 4 }));

test("hostile texts stay texts", () =>
  chat(async (page, problems) => {
    assert.equal(await page.locator("#model").textContent(), hostile);
    await answerWith(page, [
      { choices: [{ index: 0, delta: { reasoning_content: hostile } }] },
      { choices: [{ index: 0, delta: { content: hostile } }] },
      {
        choices: [
          { index: 0, delta: { tool_calls: [{ index: 0, id: "c", function: { name: hostile, arguments: JSON.stringify({ a: hostile }) } }] } },
        ],
      },
      {
        hadal: { selection: { limit: 9, top_k: null, layers: [], prompt: [hostile] } },
        choices: [
          { index: 0, delta: {}, finish_reason: "tool_calls", hadal: { selection: [{ token: hostile, position: 1, chosen: null }] } },
        ],
      },
    ]);
    await ask(page, hostile);
    await page.locator("details.selection summary").click();
    for (const part of [".question p", ".thought-text", ".answer .content", ".call-name", ".token.written"])
      assert.equal(await page.locator(part).textContent(), hostile);
    assert.equal(JSON.parse(await page.locator(".call pre").textContent()).a, hostile);
    assert.match(await page.locator(".selection-note").textContent(), /no indexer/);
    await page.getByRole("button", { name: "New chat" }).click();
    await answerWith(page, [{ error: { message: hostile } }]);
    await ask(page, "x");
    assert.equal(await page.locator(".failure p").textContent(), hostile);
    assert.equal(await page.locator("main img[src=x], aside img").count(), 0);
    assert.deepEqual(problems, []);
  }));

test("errors are told in words, and what was asked can be asked again", () =>
  chat(async (page, problems) => {
    await page.locator("#temperature").fill("3");
    await ask(page, "Who's there?");
    assert.match(await page.locator(".failure p").textContent(), /temperature/);
    await page.locator("#temperature").fill("1");
    await page.route("**/v1/chat/completions", (route) => route.abort(), { times: 1 });
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("The server can't be reached.").waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    await ended(page);
    assert.equal(await page.locator(".failure").count(), 0);
    // The browser itself tells of the request that was cut off.
    assert.match(problems.splice(0).join(), /^Failed to load resource/);
  }));

test("an error after a call asks for no result, and for the answer again", () =>
  chat(async (page) => {
    await answerWith(page, [
      { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: "c", function: { name: "open", arguments: "{}" } }] } }] },
      { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
      { error: { message: "The server stops." } },
    ]);
    await ask(page, "Open the door");
    await page.getByText("The server stops.").waitFor();
    assert.equal(await page.locator(".call").count(), 1);
    assert.equal(await page.locator(".give, .call textarea").count(), 0);
    const again = page.waitForRequest("**/v1/chat/completions");
    await page.getByRole("button", { name: "Try again" }).click();
    assert.deepEqual((await again).postDataJSON().messages, [{ role: "user", content: "Open the door" }]);
    await ended(page);
  }));

test("pointing at a token lights what the layers chose", () =>
  chat(async (page) => {
    const response = page.waitForResponse("**/v1/chat/completions");
    await ask(page, "Who's there?");
    await ended(page);
    const chunks = await chunksOf(await response);
    const { prompt } = chunks[0].hadal.selection;
    const tokens = chunks.flatMap((chunk) => chunk.choices[0]?.hadal?.selection ?? []);
    await page.locator("details.selection summary").click();
    await page.locator(".token").last().waitFor();
    assert.equal(await page.locator(".token").count(), prompt.length + tokens.length);

    const last = tokens.at(-1);
    const layers = last.chosen.map((differences) => {
      let position = 0;
      return differences.map((difference) => (position += difference));
    });
    await page.locator(".token.written").last().hover();
    assert.deepEqual(await lit(page), heats(layers));
    assert.deepEqual(await drawn(page, 2, last.position), layers);
    assert.match(await page.locator(".selection-told").textContent(), new RegExp(`each layer chose 64 of the ${last.position}`));
    await page.locator(".token.written").last().click();
    for (const layer of [0, 1]) {
      await page.getByRole("slider").press("ArrowRight");
      assert.deepEqual(await lit(page), heats([layers[layer]]));
    }
    await page.locator(".token.written").last().focus();
    await page.keyboard.press("Home");
    assert.equal(await page.locator(".token.here").getAttribute("data-index"), "0");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator(".token.here").getAttribute("data-index"), "1");
    assert.match(await page.locator(".selection-told").textContent(), /saw all/);
  }, 90));

test("a server with a key asks for it, and the tab keeps it", () =>
  open(lockedUrl, async (page, problems) => {
    await page.getByLabel("API key").fill("wrong-key");
    await page.getByRole("button", { name: "Use the key" }).click();
    await page.locator("#key-error:not(:empty)").waitFor();
    await page.getByLabel("API key").fill("right-key");
    await page.getByRole("button", { name: "Use the key" }).click();
    await page.locator("#ask-key").waitFor({ state: "hidden" });
    await page.getByLabel("Most tokens").fill("5");
    assert.ok(await page.getByLabel("Record what attention chooses").isDisabled());
    await ask(page, "Who's there?");
    await ended(page);
    assert.deepEqual(await page.evaluate(() => [localStorage.length, document.cookie]), [0, ""]);
    await page.reload();
    await page.locator("#state[data-state=ready]").waitFor();
    await ask(page, "Who's there?");
    await ended(page);
    assert.ok(problems.splice(0).every((problem) => problem.includes("401")));
  }));

test("a trace is a file that wants nothing else", () =>
  open(pathToFileURL(trace).href, async (page) => {
    await page.locator(".token.written").hover();
    assert.deepEqual(await lit(page), { 0: 0.5, 1: 1 });
    assert.equal(await page.locator(".token").nth(1).textContent(), hostile);
    assert.equal(await page.locator("#title").textContent(), hostile);
    assert.equal(await page.locator("img").count(), 0);
  }));
