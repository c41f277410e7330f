// What a token costs in llama.cpp after so many tokens of context, as `hadal bench` measures it: prefill in steps of 512
// tokens, and decode. Contexts are computed, in 512 tokens a step. Tokens are random.
//
//   npm install --no-save node-llama-cpp
//   node llama.mjs MODEL.gguf [THREADS [CONTEXTS]]     such as: node llama.mjs v3-800m.gguf 2 0,4096,16384
import { getLlama } from "node-llama-cpp";

const CHUNK = 512;
const DECODED = 32;
const REPEATS = 3;

const [path, threads = "2", list = "0,4096,16384"] = process.argv.slice(2);
const contexts = list.split(",").map(Number);
const llama = await getLlama({ gpu: false, build: "never", maxThreads: Number(threads) });
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({
  contextSize: Math.max(...contexts) + CHUNK,
  batchSize: CHUNK,
  threads: { ideal: Number(threads), min: Number(threads) },
  flashAttention: true,
});
const sequence = context.getSequence();
const random = (count) => Array.from({ length: count }, () => 2 + Math.floor(Math.random() * (model.fileInfo.metadata.tokenizer.ggml.tokens.length - 2)));
const prefill = (count) => sequence.evaluateWithoutGeneratingNewTokens(random(count));
const truncate = (length) => sequence.eraseContextTokenRanges([{ start: length, end: sequence.nextTokenIndex }]);

async function decode() {
  let left = DECODED;
  for await (const _ of sequence.evaluate(random(1), { temperature: 0, yieldEogToken: true }))
    if (--left === 0) return;
}

/** @returns tokens a second, the median of some measurements after one that doesn't count. */
async function measure(length, tokens, action) {
  const seconds = [];
  for (let i = 0; i <= REPEATS; i++) {
    const begin = performance.now();
    await action();
    seconds.push((performance.now() - begin) / 1e3);
    await truncate(length);
  }
  return tokens / seconds.slice(1).sort((a, b) => a - b)[Math.floor(REPEATS / 2)];
}

console.log("after tokens\tprefill tok/s\tdecode tok/s");
for (const length of contexts) {
  while (sequence.nextTokenIndex < length) await prefill(Math.min(CHUNK, length - sequence.nextTokenIndex));
  const read = await measure(length, CHUNK, () => prefill(CHUNK));
  const written = await measure(length, DECODED, decode);
  console.log(`${length}\t${read.toFixed(1)}\t${written.toFixed(1)}`);
}
await llama.dispose();
