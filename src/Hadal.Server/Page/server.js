// What the page asks of the server. Paths are told from the page's own address.

const KEY = "hadal-key";

/** An answer that is an error, or none at all. */
export class ServerError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** The key lives as long as the tab. */
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
};

/** How far the server is: its status, model, progress and whether it records selections. */
export async function readState() {
  const response = await ask("ready", {});
  return response.json();
}

/** Whether the server takes the key. */
export async function checkKey() {
  await requireOk(await ask("v1/models", {}));
}

/** The chunks of an answer, as they come. */
export async function* streamChat(body, signal) {
  const response = await requireOk(
    await ask("v1/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal,
    }),
  );
  for await (const data of events(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ServerError(chunk.error.message);
    yield chunk;
  }
  throw new ServerError("The connection ended before the answer did.");
}

async function ask(path, options) {
  const headers = { ...options.headers };
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  try {
    return await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("The server can't be reached.");
  }
}

async function requireOk(response) {
  if (response.ok) return response;
  let message = `The server answered with status ${response.status}.`;
  try {
    message = (await response.json()).error.message;
  } catch {
    // What stands between may answer in other words.
  }
  throw new ServerError(message, response.status);
}

/** The data of server-sent events, each of one line here; comments are passed over. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const whole = text.split("\n\n");
    text = whole.pop();
    for (const event of whole) if (event.startsWith("data: ")) yield event.slice(6);
  }
}
