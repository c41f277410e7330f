// What sparse attention chose: the tokens of a prompt and of what was written after it, where pointing at a written one lights up
// those that the layers' indexers chose when it was drawn; and a strip of positions by layers.
// `data` has top_k, layers, prompt, tokens and limit as the server's field "selection" has them. This file imports nothing.

// Marks of a conversation, by what stands between their signs.
const MARK = /^<[|｜](.+)[|｜]>$|^<(\/?think)>$/;

/** The positions that differences to the one before tell. */
export function positionsOf(differences) {
  let position = 0;
  return differences.map((difference) => (position += difference));
}

/** An element of a class, with a text where one is given. */
export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export class SelectionView {
  #data;
  #spans = [];
  #together = null;
  #shown = null; // The written token that is shown; null for all together.
  #pinned = null;
  #layer = -1; // Which of the layers is shown; −1 for all.
  #lit = [];
  #told = element("p", "selection-told");
  #canvas = element("canvas");
  #slider = element("input");
  #layerName = element("output");

  /** The view's element. */
  root = element("section", "selection-view");

  constructor(data) {
    this.#data = data;
    this.root.setAttribute("aria-label", "What attention chose");
    this.#told.setAttribute("aria-live", "polite");
    const note = this.#note();
    if (note) this.root.append(element("p", "selection-note", note));
    if (this.#isSparse) this.root.append(this.#bar(), this.#strip());
    this.root.append(this.#tokens());
    new ResizeObserver(() => this.#draw()).observe(this.#canvas);
    this.#show(null);
  }

  get #isSparse() {
    return this.#data.tokens.some((token) => token.chosen);
  }

  get #lastPosition() {
    return this.#data.tokens.at(-1).position;
  }

  #note() {
    const { top_k: topK, tokens, limit } = this.#data;
    if (topK === null) return "This model has no indexer: its attention is dense, and each token sees all before it.";
    if (!this.#isSparse) return `Each layer chooses ${topK} tokens, and no token saw more: all before it were chosen.`;
    return tokens.length === limit ? `The first ${limit} tokens of the answer were recorded.` : "";
  }

  #bar() {
    const bar = element("div", "selection-bar");
    const label = element("label", "selection-layer", "Layer");
    Object.assign(this.#slider, { type: "range", min: -1, max: this.#data.layers.length - 1, step: 1, value: -1 });
    this.#slider.addEventListener("input", () => {
      this.#layer = Number(this.#slider.value);
      this.#show(this.#shown);
    });
    label.append(this.#slider, this.#layerName);
    bar.append(this.#told, label);
    return bar;
  }

  #strip() {
    const { layers, prompt } = this.#data;
    const strip = element("div", "selection-strip");
    const names = element("div", "selection-layers");
    names.append(element("span", "", `layer ${layers[0]}`));
    if (layers.length > 1) names.append(element("span", "", `${layers.at(-1)}`));
    const ends = element("div", "selection-ends");
    const begin = element("span", "selection-begin", "answer begins");
    begin.style.left = `${(100 * prompt.length) / (this.#lastPosition + 1)}%`;
    const isApart = prompt.length > 0.2 * this.#lastPosition && prompt.length < 0.8 * this.#lastPosition;
    ends.append(element("span", "", "token 0"), ...(isApart ? [begin] : []), element("span", "", `${this.#lastPosition}`));
    this.#canvas.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-label", "Chosen positions, from left to right, by layers, from top to bottom");
    this.#canvas.style.height = `${Math.min(Math.max(layers.length * 14, 40), 200)}px`;
    this.#canvas.addEventListener("click", (event) => {
      const at = Math.floor((event.offsetX / this.#canvas.clientWidth) * (this.#lastPosition + 1));
      this.#spans[at]?.scrollIntoView({ block: "center", behavior: "smooth" });
    });
    strip.append(names, this.#canvas, ends);
    return strip;
  }

  #tokens() {
    const box = element("div", "selection-tokens");
    box.append(element("span", "selection-part", "prompt"));
    for (const text of this.#data.prompt) box.append(this.#token(text));
    box.append(element("span", "selection-part", "answer: point at a token, or walk with ← and →; a click keeps it shown"));
    this.#data.tokens.forEach((token, index) => {
      const span = this.#token(token.token);
      span.classList.add("written");
      span.tabIndex = index === 0 ? 0 : -1;
      span.setAttribute("role", "button");
      span.setAttribute("aria-pressed", "false");
      span.dataset.index = index;
      box.append(span);
    });
    this.#listen(box);
    return box;
  }

  #token(text) {
    // A token that is white space alone could not be seen.
    const mark = MARK.exec(text);
    const span = element("span", "token", mark ? (mark[1] ?? mark[2]).replaceAll("▁", " ") : text.replaceAll("\n", "↵\n"));
    if (mark) {
      span.classList.add("special");
      span.title = text;
    }
    this.#spans.push(span);
    return span;
  }

  #listen(box) {
    const indexOf = (target) => target.closest?.(".written")?.dataset.index;
    const showAt = (event) => {
      const index = indexOf(event.target);
      if (index !== undefined) this.#show(Number(index));
    };
    box.addEventListener("pointerover", showAt);
    box.addEventListener("focusin", showAt);
    box.addEventListener("pointerleave", () => this.#show(this.#pinned));
    box.addEventListener("focusout", (event) => {
      if (!box.contains(event.relatedTarget)) this.#show(this.#pinned);
    });
    box.addEventListener("click", (event) => {
      const index = indexOf(event.target);
      if (index !== undefined) this.#pin(Number(index));
    });
    box.addEventListener("keydown", (event) => this.#press(event, Number(indexOf(event.target) ?? NaN)));
  }

  #press(event, index) {
    const last = this.#data.tokens.length - 1;
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: last }[event.key];
    if (event.key === "Enter" || event.key === " ") this.#pin(index);
    else if (next === undefined || Number.isNaN(index)) return;
    else this.#written(Math.min(Math.max(next, 0), last)).focus();
    event.preventDefault();
  }

  /** Keeps a token shown when nothing is pointed at; once more lets it go. */
  #pin(index) {
    if (Number.isNaN(index)) return;
    const before = this.#pinned;
    this.#pinned = before === index ? null : index;
    if (before !== null) this.#written(before).setAttribute("aria-pressed", "false");
    if (this.#pinned !== null) this.#written(index).setAttribute("aria-pressed", "true");
    this.#show(index);
  }

  #written(index) {
    return this.#spans[this.#data.prompt.length + index];
  }

  #show(index) {
    if (this.#shown !== null) this.#mark(this.#shown, false);
    this.#shown = index;
    if (index !== null) this.#mark(index, true);
    const heat = this.#heat(this.#layer < 0 ? this.#layersOf(index) : [this.#layersOf(index)[this.#layer] ?? []]);
    for (const position of this.#lit) this.#light(position, 0);
    this.#lit = [...heat.keys()];
    for (const [position, share] of heat) this.#light(position, share);
    this.#layerName.value = this.#layer < 0 ? "all" : `${this.#data.layers[this.#layer]}`;
    this.#slider.setAttribute("aria-valuetext", this.#layer < 0 ? "all layers" : `layer ${this.#layerName.value}`);
    this.#told.textContent = this.#tell(index, heat.size);
    this.#draw();
  }

  #mark(index, isOn) {
    const token = this.#written(index);
    token.classList.toggle("here", isOn);
    for (const span of this.#spans.slice(this.#data.tokens[index].position)) {
      if (span !== token) span.classList.toggle("later", isOn);
    }
    for (const other of this.#spans.slice(this.#data.prompt.length)) other.tabIndex = -1;
    token.tabIndex = 0;
  }

  #light(position, share) {
    const span = this.#spans[position];
    span.classList.toggle("lit", share > 0);
    span.style.setProperty("--heat", share.toFixed(3));
  }

  /** For each layer the shares of positions: of one token 1 where chosen; of all together how often, of the most. */
  #layersOf(index) {
    if (index === null) return (this.#together ??= this.#countAll());
    const { layers, tokens } = this.#data;
    const { position, chosen } = tokens[index];
    const all = Array.from({ length: position }, (_, before) => before);
    return layers.map((_, layer) => (chosen ? positionsOf(chosen[layer]) : all).map((before) => [before, 1]));
  }

  #countAll() {
    const { layers, tokens } = this.#data;
    const counts = layers.map(() => new Uint32Array(this.#lastPosition));
    for (const { chosen } of tokens)
      chosen?.forEach((differences, layer) => {
        for (const position of positionsOf(differences)) counts[layer][position]++;
      });
    const most = Math.max(1, ...counts.map((layer) => layer.reduce((one, other) => Math.max(one, other))));
    return counts.map((layer) => [...layer.entries()].filter(([, count]) => count > 0).map(([position, count]) => [position, count / most]));
  }

  #heat(layers) {
    const heat = new Map();
    for (const shares of layers)
      for (const [position, share] of shares) heat.set(position, (heat.get(position) ?? 0) + share / layers.length);
    return heat;
  }

  #tell(index, count) {
    if (!this.#isSparse) return "";
    const { tokens, layers } = this.#data;
    if (index === null) return `All ${tokens.length} tokens of the answer together: the stronger the colour, the more often chosen.`;
    const { position, token, chosen } = tokens[index];
    const name = `Token ${position}, “${token.trim() || "white space"}”`;
    if (!chosen) return `${name}, saw all ${position} tokens before it.`;
    if (this.#layer >= 0) return `${name}: layer ${layers[this.#layer]} chose ${count} of the ${position} tokens before it.`;
    const each = Math.max(...chosen.map((positions) => positions.length));
    return `${name}: each layer chose ${each} of the ${position} tokens before it, ${count} in all.`;
  }

  #draw() {
    const { layers, prompt } = this.#data;
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight];
    if (width === 0 || layers.length === 0) return;
    const scale = window.devicePixelRatio || 1;
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    const context = this.#canvas.getContext("2d");
    context.scale(scale, scale);
    const style = getComputedStyle(this.root);
    const [cell, row] = [width / (this.#lastPosition + 1), height / layers.length];
    context.fillStyle = style.getPropertyValue("--glow");
    this.#layersOf(this.#shown).forEach((shares, layer) => {
      const strength = this.#layer < 0 || this.#layer === layer ? 1 : 0.25;
      for (const [position, share] of shares) {
        context.globalAlpha = strength * share;
        context.fillRect(position * cell, layer * row + 0.5, Math.max(cell, 1), row - 1);
      }
    });
    context.globalAlpha = 1;
    context.fillStyle = style.getPropertyValue("--faint");
    context.fillRect(prompt.length * cell - 0.5, 0, 1.5, height);
    if (this.#shown === null) return;
    context.fillStyle = style.getPropertyValue("--text");
    context.fillRect(this.#data.tokens[this.#shown].position * cell, 0, Math.max(cell, 2), height);
  }
}
