// npm's openai understands the server at HADAL_URL.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.env.HADAL_URL}/v1`, apiKey: "none" });
const messages = [{ role: "user", content: "Who's there?" }];
const options = { model: "deep", messages, max_completion_tokens: 16, temperature: 0, logit_bias: {} };

test("a streamed answer is the whole one", async () => {
  const whole = await client.chat.completions.create(options);
  const stream = await client.chat.completions.create({ ...options, stream: true });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  assert.notEqual(text, "");
  assert.equal(text, whole.choices[0].message.content);
});
