// The page: the conversation, and the server's state.
import { AnswerTurn } from "./answer.js";
import { element } from "./selection.js";
import { ServerError, checkKey, key, readState, streamChat } from "./server.js";
import { instructions, requestFields, showRecording, watchTools } from "./settings.js";

const at = (id) => document.getElementById(id);
const log = at("log");
const question = at("question");
const welcome = at("welcome");

let messages = [];
let running = null; // Ends the answer under way.
let wantsResults = false;
let nextLook = 0; // The timer of the next look at the server's state.
let looks = 0; // The last one that began goes on.

function say(text) {
  at("told").textContent = text;
}

function update() {
  at("send").hidden = running !== null;
  at("stop").hidden = running === null;
  at("send").disabled = wantsResults;
  question.placeholder = wantsResults ? "The calls want their results first" : "Write a message";
}

/** Whether the end of the conversation is in sight, so that it is followed. */
const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;

const scrollToEnd = () => (log.scrollTop = log.scrollHeight);

function addQuestion(text) {
  welcome.hidden = true;
  const turn = element("article", "turn question");
  turn.setAttribute("aria-label", "Question");
  turn.append(element("p", "", text));
  log.append(turn);
}

/** Asks for what comes after the messages. */
async function answer() {
  const conversation = messages;
  const turn = new AnswerTurn((results) => {
    conversation.push(...results);
    wantsResults = false;
    answer();
  });
  const run = new AbortController();
  running = run;
  update();
  log.append(turn.root);
  scrollToEnd();
  let error = null;
  try {
    const told = instructions();
    const body = { ...requestFields(), messages: told ? [{ role: "system", content: told }, ...messages] : messages };
    say("The answer begins.");
    let rested = performance.now();
    for await (const chunk of streamChat(body, run.signal)) {
      const follows = isAtEnd();
      turn.take(chunk);
      if (follows) scrollToEnd();
      // Chunks that come without a pause would leave no time for the rest of the page.
      if (performance.now() - rested < 50) continue;
      await new Promise((go) => setTimeout(go));
      rested = performance.now();
    }
  } catch (caught) {
    error = caught;
  }
  // Another conversation may have begun meanwhile.
  if (conversation !== messages) return;
  running = null;
  if (error && error.name !== "AbortError") fail(error, turn);
  else end(turn, error && "Stopped.");
  update();
  scrollToEnd();
}

function end(turn, why) {
  turn.finish(why);
  if (!turn.isEmpty) messages.push(turn.message);
  wantsResults = turn.wantsResults;
  say(wantsResults ? "The answer calls tools, and waits for their results." : "The answer has ended.");
}

/** Tells what went wrong; what there is of the answer stays to be read until it is asked for again. */
function fail(error, answerTurn) {
  if (error.status === 401) askKey(error.message);
  answerTurn.finish("The answer broke off.", true);
  answerTurn.root.hidden = answerTurn.isEmpty;
  const turn = element("div", "turn failure");
  turn.setAttribute("role", "alert");
  const again = element("button", "quiet", "Try again");
  again.type = "button";
  again.addEventListener("click", () => {
    turn.remove();
    answerTurn.root.remove();
    answer();
  });
  turn.append(element("p", "", error.message), again);
  log.append(turn);
  follow();
}

function askKey(message) {
  at("key-error").textContent = key.get() ? message : "";
  if (!at("ask-key").open) at("ask-key").showModal();
}

/** Tells how far the server is, again and again until it is ready. */
async function follow() {
  clearTimeout(nextLook);
  const look = ++looks;
  let state;
  try {
    state = await readState();
  } catch (error) {
    state = { status: "unreachable" };
  }
  if (look !== looks) return;
  const { status, model, progress } = state;
  const words = {
    ready: "ready",
    loading: `loading, ${Math.floor((progress ?? 0) * 100)} %`,
    draining: "stopping",
    failed: "could not be loaded; the server's log says why",
    unreachable: "can't be reached",
  };
  if (model) at("model").textContent = model;
  at("state").textContent = words[status] ?? status;
  at("state").dataset.state = status;
  at("loading").hidden = status !== "loading";
  at("loading").value = progress ?? 0;
  if (state.records_selection !== undefined) showRecording(state.records_selection);
  if (status !== "ready") nextLook = setTimeout(follow, 1000);
  else tryKey();
}

async function tryKey() {
  try {
    await checkKey();
  } catch (error) {
    if (error instanceof ServerError && error.status === 401) askKey(error.message);
  }
}

at("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (!text || running || wantsResults) return;
  question.value = "";
  // What failed is asked no more: this goes on without it.
  for (const failure of log.querySelectorAll(".failure")) failure.remove();
  addQuestion(text);
  messages.push({ role: "user", content: text });
  answer();
});

question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at("composer").requestSubmit();
});

at("stop").addEventListener("click", () => running?.abort());

at("new").addEventListener("click", () => {
  running?.abort();
  running = null;
  messages = [];
  wantsResults = false;
  for (const turn of log.querySelectorAll(".turn")) turn.remove();
  welcome.hidden = false;
  update();
  question.focus();
});

at("show-settings").addEventListener("click", () => {
  const settings = at("settings");
  settings.hidden = !settings.hidden;
  at("show-settings").setAttribute("aria-expanded", String(!settings.hidden));
});

at("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  key.set(at("key").value.trim());
  try {
    await checkKey();
    at("ask-key").close();
    question.focus();
  } catch (error) {
    at("key-error").textContent = error.message;
  }
});

at("settings").hidden = matchMedia("(max-width: 60rem)").matches;
at("show-settings").setAttribute("aria-expanded", String(!at("settings").hidden));
watchTools();
update();
follow();
question.focus();
