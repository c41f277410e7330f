// The settings beside the conversation, as fields of a request.

const field = (id) => document.getElementById(id);

/** The instructions; empty for none. */
export const instructions = () => field("system").value.trim();

/** The fields of a request; those that are left empty are the server's to choose. */
export function requestFields() {
  const fields = {
    stream: true,
    stream_options: { include_usage: true },
    thinking: { type: field("thinking").checked ? "enabled" : "disabled" },
    hadal: { timings: true, selection: field("record").checked },
  };
  addNumber(fields, "temperature", "temperature");
  addNumber(fields, "max_tokens", "max-tokens");
  addNumber(fields, "seed", "seed");
  const tools = readTools();
  if (tools.length > 0) Object.assign(fields, { tools, tool_choice: field("tool-choice").value });
  return fields;
}

/** Tells at once when the tools are no JSON. */
export function watchTools() {
  const note = field("tools-note");
  const usual = note.textContent;
  field("tools").addEventListener("input", () => {
    try {
      const count = readTools().length;
      note.textContent = count > 0 ? `${count} ${count === 1 ? "tool" : "tools"}. You type the results.` : usual;
      note.classList.remove("error");
    } catch (error) {
      note.textContent = error.message;
      note.classList.add("error");
    }
  });
}

/** Tells whether the server records what attention chooses. */
export function showRecording(records) {
  const box = field("record");
  if (box.disabled === !records) return;
  box.disabled = !records;
  box.checked = records;
  field("record-note").textContent = records ? "" : "This server doesn't: start it with --record-selection.";
}

function addNumber(fields, name, id) {
  const { value, validity, valueAsNumber } = field(id);
  if (!validity.valid) throw new Error(`${name}: ${field(id).validationMessage}`);
  if (value !== "") fields[name] = valueAsNumber;
}

function readTools() {
  const text = field("tools").value.trim();
  if (!text) return [];
  let tools;
  try {
    tools = JSON.parse(text);
  } catch (error) {
    throw new Error(`The tools are not JSON: ${error.message}`);
  }
  if (!Array.isArray(tools)) throw new Error("The tools must be a JSON array.");
  return tools;
}
