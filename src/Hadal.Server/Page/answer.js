// An answer: takes the chunks of its stream, shows them, and is a message of the conversation at the end.
import { SelectionView, element } from "./selection.js";
import { figures } from "./figures.js";
import { CallCard } from "./call.js";

export class AnswerTurn {
  #content = element("div", "content");
  #thought = null;
  #calls = [];
  #message = { role: "assistant", content: "" };
  #selection = null;
  #tokens = [];
  #finish = null;
  #usage = null;
  #timings = null;

  /** The turn's element. */
  root = element("article", "turn answer");

  /** @param onResults Is told when all results of its calls were given. */
  constructor(onResults) {
    this.onResults = onResults;
    this.root.setAttribute("aria-label", "Answer");
    this.root.setAttribute("aria-busy", "true");
    this.root.append(this.#content);
  }

  /** Whether nothing of it came. */
  get isEmpty() {
    return !this.#message.content && !this.#message.reasoning_content && this.#calls.length === 0;
  }

  /** Whether it ended with calls, whose results are wanted. */
  get wantsResults() {
    return this.#finish === "tool_calls";
  }

  /** What it is in the requests that follow. Calls that were cut off are none. */
  get message() {
    if (!this.wantsResults) return this.#message;
    return { ...this.#message, content: this.#message.content || null, tool_calls: this.#calls.map((card) => card.call) };
  }

  take(chunk) {
    if (chunk.hadal?.selection) this.#selection = chunk.hadal.selection;
    if (chunk.hadal?.timings) this.#timings = chunk.hadal.timings;
    if (chunk.usage) this.#usage = chunk.usage;
    const choice = chunk.choices[0];
    if (!choice) return;
    if (choice.hadal) this.#tokens.push(...choice.hadal.selection);
    this.#finish = choice.finish_reason ?? this.#finish;
    const { reasoning_content: thought, content, tool_calls: calls } = choice.delta;
    if (thought) this.#think(thought);
    if (content) {
      // White space that an answer begins with is not shown.
      this.#content.append(this.#message.content ? content : content.trimStart());
      this.#message.content += content;
    }
    for (const call of calls ?? []) this.#takeCall(call);
  }

  /**
   * Shows how it ended, and what it took.
   * @param why Why it was cut off; null where it was not.
   * @param failed Whether an error ended it. It is asked for again, so that its calls want no results.
   */
  finish(why, failed = false) {
    this.root.setAttribute("aria-busy", "false");
    this.#content.hidden = !this.#message.content;
    if (this.#thought) this.#thought.querySelector("summary").textContent = "Thought";
    const end = why ?? (this.#finish === "length" ? "The limit of tokens was reached." : null);
    if (end) this.root.append(element("p", "end", end));
    if (this.wantsResults && !failed) this.#askResults();
    if (this.#usage) this.root.append(figures(this.#usage, this.#timings));
    if (this.#selection && this.#tokens.length > 0) this.root.append(this.#selectionPart());
  }

  #think(text) {
    if (!this.#thought) {
      this.#thought = element("details", "thought");
      this.#thought.append(element("summary", "", "Thinking …"), element("div", "thought-text"));
      this.root.prepend(this.#thought);
      this.#message.reasoning_content = "";
    }
    this.#message.reasoning_content += text;
    this.#thought.lastChild.append(text);
  }

  #takeCall({ index, id, function: made }) {
    if (!this.#calls[index]) {
      this.#calls[index] = new CallCard(id, made.name);
      this.root.append(this.#calls[index].root);
    }
    this.#calls[index].append(made.arguments ?? "");
  }

  #askResults() {
    const button = element("button", "main-button give", this.#calls.length > 1 ? "Send the results" : "Send the result");
    button.type = "button";
    button.addEventListener("click", () => {
      button.remove();
      this.onResults(this.#calls.map((card) => card.takeResult()));
    });
    for (const card of this.#calls) card.askResult();
    this.root.append(button);
    this.#calls[0].focus();
  }

  #selectionPart() {
    const part = element("details", "selection");
    part.append(element("summary", "", "What attention chose"));
    // Made when it is looked at: it has an element for each token.
    part.addEventListener("toggle", () => {
      if (part.childElementCount === 1) part.append(new SelectionView({ ...this.#selection, tokens: this.#tokens }).root);
      this.root.classList.toggle("wide", part.open);
    });
    return part;
  }
}
