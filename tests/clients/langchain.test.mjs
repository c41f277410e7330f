// LangChain understands the server at HADAL_URL.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAI } from "@langchain/openai";
import { Day, baseURL, plain } from "./shared.mjs";

const fields = { model: "deep", apiKey: "none", temperature: 0, maxRetries: 0, configuration: { baseURL }, modelKwargs: plain };
const question = [new HumanMessage("Who's there?")];
const open = tool(async ({ day }) => `open on ${day}`, { name: "open", description: "Opens a shop", schema: Day });

for (const useResponsesApi of [false, true]) {
  const api = useResponsesApi ? "responses" : "chats";
  const model = (maxTokens, more = {}) => new ChatOpenAI({ ...fields, maxTokens, useResponsesApi, ...more });

  test(`${api}: a streamed answer is the whole one`, async () => {
    const whole = await model(16).invoke(question);
    let sum;
    for await (const chunk of await model(16).stream(question)) sum = sum?.concat(chunk) ?? chunk;
    assert.notEqual(whole.text, "");
    assert.equal(sum.text, whole.text);
    assert.equal(sum.usage_metadata.total_tokens, whole.usage_metadata.total_tokens);
    assert.ok(whole.usage_metadata.input_tokens > 0);
  });

  test(`${api}: a tool is called, streamed or not, and its result answered`, async () => {
    const calling = model(300).bindTools([open], { tool_choice: "open", parallel_tool_calls: false });
    const whole = await calling.invoke(question);
    assert.equal(whole.tool_calls.length, 1);
    const [call] = whole.tool_calls;
    assert.equal(call.name, "open");
    Day.parse(call.args);
    let sum;
    for await (const chunk of await calling.stream(question)) sum = sum?.concat(chunk) ?? chunk;
    assert.deepEqual(sum.tool_calls.map((one) => one.args), [call.args]);
    const result = await open.invoke(call);
    assert.ok(result instanceof ToolMessage);
    const next = await model(16).bindTools([open], { tool_choice: "none" }).invoke([...question, whole, result]);
    assert.notEqual(next.text, "");
  });

  test(`${api}: an output fits its schema`, async () => {
    for (const method of ["jsonSchema", "functionCalling"])
      assert.ok(Day.parse(await model(300).withStructuredOutput(Day, { method, name: "day" }).invoke(question)), method);
  });
}

test("log-probabilities are read", async () => {
  const answer = await new ChatOpenAI({ ...fields, maxTokens: 16, logprobs: true, topLogprobs: 2 }).invoke(question);
  assert.equal(answer.response_metadata.logprobs.content.length, 16);
  assert.equal(answer.response_metadata.logprobs.content[0].top_logprobs.length, 2);
});

test("a response's thought is told", async () => {
  // Its own field for this goes out to models of OpenAI's alone.
  const modelKwargs = { ...plain, reasoning: { effort: "low" } };
  const answer = await new ChatOpenAI({ ...fields, maxTokens: 16, useResponsesApi: true, modelKwargs }).invoke(question);
  assert.equal(answer.usage_metadata.output_token_details.reasoning, 16);
});

test("a text is gone on with", async () => {
  assert.notEqual(await new OpenAI({ ...fields, maxTokens: 8 }).invoke("Who's there?"), "");
});
