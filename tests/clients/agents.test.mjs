// OpenAI's agents understand the server at HADAL_URL, by its chats and by its responses. HADAL_THOUGHT_END is the id of the
// token that ends a thought.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, tool } from "@openai/agents";
import { Day, client } from "./shared.mjs";

const runner = new Runner({ tracingDisabled: true });
const settings = { temperature: 0, maxTokens: 300, parallelToolCalls: false };
const question = "Who's there?";

for (const Model of [OpenAIChatCompletionsModel, OpenAIResponsesModel]) {
  const model = new Model(client, "deep");
  // An answer that is cut is an error to agents: a schema makes random weights end theirs.
  const clerk = { name: "Clerk", model, modelSettings: settings, outputType: Day };

  const shopkeeper = (called) =>
    new Agent({
      name: "Shopkeeper",
      instructions: "Open the shop.",
      model,
      modelSettings: { ...settings, toolChoice: "required" },
      toolUseBehavior: "stop_on_first_tool",
      tools: [
        tool({
          name: "open",
          description: "Opens a shop",
          parameters: Day,
          execute: (input) => `${called.push(Day.parse(input))} is open`,
        }),
      ],
    });

  test(`${Model.name}: a tool is called, streamed or not, and its result answered`, async () => {
    const called = [];
    const result = await runner.run(shopkeeper(called), question);
    assert.equal(result.finalOutput, "1 is open");
    const streamed = [];
    const stream = await runner.run(shopkeeper(streamed), question, { stream: true });
    await stream.completed;
    assert.equal(stream.finalOutput, "1 is open");
    assert.deepEqual(streamed, called);
    const answer = await runner.run(new Agent(clerk), stream.history);
    assert.ok(Day.parse(answer.finalOutput));
    assert.ok(answer.rawResponses[0].usage.inputTokens > result.rawResponses[0].usage.outputTokens);
  });

  test(`${Model.name}: an output fits its type, streamed or not`, async () => {
    const result = await runner.run(new Agent(clerk), question);
    assert.ok(Day.parse(result.finalOutput));
    const stream = await runner.run(new Agent(clerk), question, { stream: true });
    let text = "";
    for await (const event of stream)
      if (event.type === "raw_model_stream_event" && event.data.type === "output_text_delta") text += event.data.delta;
    await stream.completed;
    assert.deepEqual(JSON.parse(text), result.finalOutput);
    assert.deepEqual(stream.finalOutput, result.finalOutput);
    assert.equal(stream.rawResponses[0].usage.totalTokens, result.rawResponses[0].usage.totalTokens);
  });

  test(`${Model.name}: a conversation goes on after a thought`, async () => {
    const agent = new Agent({
      ...clerk,
      modelSettings: {
        ...settings,
        temperature: 1,
        reasoning: { effort: "low" },
        providerData: { seed: 5, logit_bias: { [process.env.HADAL_THOUGHT_END]: 6 } },
      },
    });
    const first = await runner.run(agent, question);
    // A chat tells thoughts as reasoning_content, which this client passes over.
    const hasThought = first.newItems.some((item) => item.type === "reasoning_item");
    assert.equal(hasThought, Model === OpenAIResponsesModel);
    const second = await runner.run(agent, [...first.history, { role: "user", content: "And now?" }]);
    assert.ok(Day.parse(second.finalOutput));
  });
}
