// The AI SDK understands the server at HADAL_URL.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { Day, baseURL, plain } from "./shared.mjs";

const provider = createOpenAICompatible({
  name: "hadal",
  baseURL,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const question = {
  model: provider.chatModel("deep"),
  prompt: "Who's there?",
  temperature: 0,
  maxOutputTokens: 16,
  maxRetries: 0,
  providerOptions: { hadal: plain },
};
const open = (called) =>
  tool({ description: "Opens a shop", inputSchema: Day, execute: async (input) => called.push(Day.parse(input)) });

test("a streamed text is the whole one", async () => {
  const whole = await generateText(question);
  const stream = streamText(question);
  let text = "";
  for await (const piece of stream.textStream) text += piece;
  assert.notEqual(text, "");
  assert.equal(text, whole.text);
  assert.equal(await stream.finishReason, "length");
  assert.deepEqual((await stream.usage).totalTokens, whole.usage.totalTokens);
  assert.ok(whole.usage.inputTokens > 0);
});

test("thoughts are told apart", async () => {
  const thinking = { ...question, providerOptions: { hadal: { ...plain, reasoningEffort: "high" } } };
  const whole = await generateText(thinking);
  assert.notEqual(whole.reasoningText ?? "", "");
  assert.equal(whole.text, "");
  let thought = "";
  for await (const part of streamText(thinking).fullStream) if (part.type === "reasoning-delta") thought += part.text;
  assert.equal(thought, whole.reasoningText);
});

test("tools are called, and their results answered", async () => {
  const body = (called) => ({
    ...question,
    maxOutputTokens: 120,
    providerOptions: { hadal: { ...plain, parallel_tool_calls: false } },
    tools: { open: open(called) },
    stopWhen: stepCountIs(2),
    // The first step must call, and the second may not.
    prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
  });
  const called = [];
  const whole = await generateText(body(called));
  assert.equal(whole.steps.length, 2);
  assert.equal(whole.steps[0].finishReason, "tool-calls");
  assert.notEqual(called.length, 0);
  assert.deepEqual(whole.steps[0].toolCalls.map((call) => call.input), called);

  const streamed = [];
  const stream = streamText(body(streamed));
  await stream.consumeStream();
  assert.equal((await stream.steps).length, 2);
  assert.deepEqual(streamed, called);
});

test("objects fit their schema", async () => {
  const body = { ...question, schema: Day, maxOutputTokens: 100 };
  const { object } = await generateObject(body);
  assert.ok(Day.parse(object));
  const stream = streamObject(body);
  for await (const _ of stream.partialObjectStream);
  assert.deepEqual(await stream.object, object);
  const { output } = await generateText({ ...question, output: Output.object({ schema: Day }), maxOutputTokens: 100 });
  assert.deepEqual(output, object);
});

test("a text is gone on with", async () => {
  const { text } = await generateText({ ...question, model: provider.completionModel("deep") });
  assert.notEqual(text, "");
});

test("an error is told with its status", async () => {
  await assert.rejects(generateText({ ...question, model: provider.chatModel("gpt-4") }), (error) => {
    assert.match(error.message, /gpt-4/);
    return error.statusCode === 404;
  });
});
