// A call of a tool, and the result that is typed for it.
import { element } from "./selection.js";

export class CallCard {
  #id;
  #name;
  #arguments = "";
  #shown = element("pre");
  #result = element("textarea", "code");

  /** The card's element. */
  root = element("section", "call");

  constructor(id, name) {
    this.#id = id;
    this.#name = name;
    this.root.setAttribute("aria-label", `Call of ${name}`);
    this.root.append(element("p", "call-name", name), this.#shown);
  }

  /** The call, as messages have it. */
  get call() {
    return { id: this.#id, type: "function", function: { name: this.#name, arguments: this.#arguments } };
  }

  append(text) {
    this.#arguments += text;
    this.#shown.textContent = this.#arguments;
  }

  /** The arguments are whole: shows them in lines, and a place for the result. */
  askResult() {
    try {
      this.#shown.textContent = JSON.stringify(JSON.parse(this.#arguments), null, 2);
    } catch {
      // They stay as they came.
    }
    const label = element("label", "field");
    this.#result.rows = 2;
    label.append(element("span", "", "Result"), this.#result);
    this.root.append(label);
  }

  focus() {
    this.#result.focus();
  }

  /** The result as a message, which can't be changed any more. */
  takeResult() {
    this.#result.readOnly = true;
    return { role: "tool", tool_call_id: this.#id, content: this.#result.value };
  }
}
