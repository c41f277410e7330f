// npm's openai understands the server at HADAL_URL.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { Day, client, plain } from "./shared.mjs";

const messages = [{ role: "user", content: "Who's there?" }];
const input = "Who's there?";
const options = { model: "deep", messages, max_completion_tokens: 16, temperature: 0, ...plain };
const tools = [zodFunction({ name: "open", parameters: Day, description: "Opens a shop" })];
const calls = { ...options, tools, tool_choice: "required", parallel_tool_calls: false, max_completion_tokens: 300 };
const responseOptions = { model: "deep", input, max_output_tokens: 16, temperature: 0, ...plain };
const responseTools = [
  { type: "function", name: "open", description: "Opens a shop", strict: true, parameters: Day.toJSONSchema() },
  { type: "custom", name: "patch", format: { type: "grammar", syntax: "regex", definition: "[a-f]{4}" } },
  { type: "web_search" },
];
const responseCalls = { ...responseOptions, tools: responseTools, parallel_tool_calls: false, max_output_tokens: 300 };

test("models are listed", async () => {
  const models = await client.models.list();
  assert.deepEqual(models.data.map((model) => model.id), ["deep"]);
  assert.equal((await client.models.retrieve("deep")).object, "model");
});

test("a streamed answer is the whole one", async () => {
  const whole = await client.chat.completions.create(options);
  const stream = await client.chat.completions.create({ ...options, stream: true, stream_options: { include_usage: true } });
  let text = "";
  let usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.notEqual(text, "");
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.total_tokens, whole.usage.total_tokens);
});

test("a tool is called, and its result answered", async () => {
  const whole = await client.chat.completions.create(calls);
  assert.equal(whole.choices[0].finish_reason, "tool_calls");
  const [call] = whole.choices[0].message.tool_calls;
  Day.parse(JSON.parse(call.function.arguments));

  let deltas = "";
  const stream = client.chat.completions.stream(calls);
  stream.on("tool_calls.function.arguments.delta", (event) => (deltas += event.arguments_delta));
  const streamed = await stream.finalChatCompletion();
  const [same] = streamed.choices[0].message.tool_calls;
  assert.equal(same.function.arguments, call.function.arguments);
  assert.equal(deltas, call.function.arguments);
  assert.ok(Day.parse(same.function.parsed_arguments));

  const next = await client.chat.completions.create({
    ...options,
    tools,
    tool_choice: "none",
    messages: [...messages, whole.choices[0].message, { role: "tool", tool_call_id: call.id, content: "shut" }],
  });
  assert.notEqual(next.choices[0].message.content, "");
});

test("a helper runs tools", async () => {
  let called = 0;
  const runner = client.chat.completions.runTools(
    {
      ...calls,
      tools: [{ type: "function", function: { name: "open", parameters: Day.toJSONSchema(), parse: JSON.parse, function: () => `${++called}` } }],
      tool_choice: { type: "function", function: { name: "open" } },
    },
    { maxChatCompletions: 1 },
  );
  await runner.done();
  assert.equal(called, 1);
});

test("content is parsed by its schema", async () => {
  const body = { ...options, response_format: zodResponseFormat(Day, "day"), max_completion_tokens: 100 };
  const completion = await client.chat.completions.parse(body);
  assert.ok(Day.parse(completion.choices[0].message.parsed));
});

test("log-probabilities are read", async () => {
  const completion = await client.chat.completions.create({ ...options, logprobs: true, top_logprobs: 2 });
  const tokens = completion.choices[0].logprobs.content;
  assert.equal(tokens.length, 16);
  assert.ok(tokens.every((token) => token.top_logprobs.length === 2 && token.logprob <= 0));
});

test("a text is gone on with", async () => {
  const body = { model: "deep", prompt: "Who's there?", max_tokens: 8, temperature: 0, ...plain };
  const whole = await client.completions.create(body);
  let text = "";
  for await (const chunk of await client.completions.create({ ...body, stream: true })) text += chunk.choices[0].text;
  assert.notEqual(text, "");
  assert.equal(text, whole.choices[0].text);
});

test("an error is one of the client's", async () => {
  await assert.rejects(client.chat.completions.create({ ...options, model: "gpt-4" }), OpenAI.NotFoundError);
  await assert.rejects(client.responses.create({ ...responseOptions, previous_response_id: "x" }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    return error.param === "previous_response_id";
  });
  await assert.rejects(client.responses.retrieve("resp_1"), OpenAI.NotFoundError);
});

for (const effort of ["none", "high"]) {
  test(`a streamed response is the whole one, with effort ${effort}`, async () => {
    const body = { ...responseOptions, reasoning: { effort, summary: "auto" }, instructions: "Be short." };
    const whole = await client.responses.create(body);
    assert.equal(whole.status, "incomplete");
    const stream = client.responses.stream(body);
    let text = "";
    let thought = "";
    stream.on("response.output_text.delta", (event) => (text += event.delta));
    stream.on("response.reasoning_text.delta", (event) => (thought += event.delta));
    const final = await stream.finalResponse();
    assert.equal(text, whole.output_text);
    assert.equal(final.output_text, whole.output_text);
    const content = effort === "none" ? text : thought;
    assert.notEqual(content, "");
    assert.equal(content, whole.output[0].content[0].text);
    assert.equal(content, final.output[0].content[0].text);
    assert.equal(final.usage.total_tokens, whole.usage.total_tokens);
  });
}

test("a response's function is called, and its result answered", async () => {
  const body = { ...responseCalls, tool_choice: { type: "function", name: "open" } };
  const whole = await client.responses.create(body);
  assert.equal(whole.status, "completed");
  const [call] = whole.output;
  Day.parse(JSON.parse(call.arguments));
  let deltas = "";
  const stream = client.responses.stream(body);
  stream.on("response.function_call_arguments.delta", (event) => (deltas += event.delta));
  const final = await stream.finalResponse();
  assert.equal(deltas, call.arguments);
  assert.equal(final.output[0].arguments, call.arguments);
  const next = await client.responses.create({
    ...responseOptions,
    tools: responseTools,
    tool_choice: "none",
    input: [{ role: "user", content: input }, ...final.output, { type: "function_call_output", call_id: final.output[0].call_id, output: "shut" }],
  });
  assert.notEqual(next.output_text, "");
});

test("a response's custom tool is called", async () => {
  const stream = client.responses.stream({ ...responseCalls, tool_choice: { type: "custom", name: "patch" } });
  let deltas = "";
  stream.on("response.custom_tool_call_input.delta", (event) => (deltas += event.delta));
  const [call] = (await stream.finalResponse()).output;
  assert.match(call.input, /^[a-f]{4}$/);
  assert.equal(deltas, call.input);
});

test("a response is parsed by its schema", async () => {
  const response = await client.responses.parse({ ...responseOptions, text: { format: zodTextFormat(Day, "day") }, max_output_tokens: 100 });
  assert.ok(Day.parse(response.output_parsed));
});

test("a response's tokens are counted, and have log-probabilities", async () => {
  const count = await client.responses.inputTokens.count({ model: "deep", input });
  const response = await client.responses.create({ ...responseOptions, include: ["message.output_text.logprobs"], top_logprobs: 2 });
  assert.equal(count.input_tokens, response.usage.input_tokens);
  assert.equal(response.output[0].content[0].logprobs.length, 16);
});
