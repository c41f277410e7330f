// What an answer took, in a line.
import { element } from "./selection.js";

/** A list of figures. @param timings Null where the server tells none. */
export function figures(usage, timings) {
  const list = element("dl", "figures");
  const add = (value, name) => {
    const pair = element("div");
    pair.append(element("dt", "", name), element("dd", "", value));
    list.append(pair);
  };
  const { prompt_tokens: prompt, completion_tokens: written, prompt_tokens_details: details } = usage;
  add(`${written}`, written === 1 ? "token" : "tokens");
  if (timings) {
    const { queue_ms: queue, prefill_ms: prefill, decode_ms: decode } = timings;
    if (written > 1 && decode > 0) add(short(((written - 1) * 1000) / decode), "tokens/s");
    add(duration(queue + prefill), "to the first");
  }
  add(`${details.cached_tokens} of ${prompt}`, "prompt tokens from the cache");
  if (timings?.drafted_tokens > 0) add(`${timings.accepted_tokens} of ${timings.drafted_tokens}`, "drafts accepted");
  return list;
}

const short = (value) => (value < 10 ? value.toFixed(1) : Math.round(value).toString());

const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
