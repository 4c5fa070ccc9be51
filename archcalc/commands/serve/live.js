// The live page: an editor whose lines have their findings below them, the controls of parameters, and the report.
(() => {
  const $ = (id) => document.getElementById(id);
  const begin = JSON.parse($("begin").textContent);
  const say = (words) => { $("said").textContent = words; };

  // --- the editor: the text is ours, the browser draws it and moves the caret

  const editor = $("text");
  const lines = [];
  let undone = [];
  let done = [];

  const text = () => lines.map((line) => line.words).join("\n");

  const drawn = (words) => {
    const line = document.createElement("div");
    line.className = "line";
    line.words = words;
    if (words) line.textContent = words;
    else line.append(document.createElement("br"));
    return line;
  };

  // Put words in the place of all lines from one to another, which is not replaced; lines that are the same stay.
  const replaceLines = (from, to, words) => {
    while (from < to && words.length && lines[from].words === words[0]) { from += 1; words = words.slice(1); }
    while (from < to && words.length && lines[to - 1].words === words[words.length - 1]) {
      to -= 1;
      words = words.slice(0, -1);
    }
    const made = words.map(drawn);
    const before = lines[to] || null;
    for (const line of lines.splice(from, to - from, ...made)) line.remove();
    for (const line of made) editor.insertBefore(line, before);
  };

  // A position is a line and a column, both from 0; `start` and `end` of the selection, in this order.
  const position = (node, offset) => {
    if (node === editor) return offset < lines.length ? [offset, 0] : [lines.length - 1, lines[lines.length - 1].words.length];
    let line = node;
    while (line.parentNode !== editor) {
      if (!line.parentNode) return [0, 0];
      line = line.parentNode;
    }
    const number = lines.indexOf(line);
    return node === line ? [number, offset ? line.words.length : 0] : [number, Math.min(offset, line.words.length)];
  };

  const selection = () => {
    const chosen = document.getSelection();
    if (!chosen.rangeCount || !editor.contains(chosen.anchorNode)) return null;
    const range = chosen.getRangeAt(0);
    return [position(range.startContainer, range.startOffset), position(range.endContainer, range.endOffset)];
  };

  const caret = ([line, column], scroll = true) => {
    const at = lines[Math.min(line, lines.length - 1)];
    const node = at.firstChild;
    document.getSelection().collapse(node.nodeType === Node.TEXT_NODE ? node : at, Math.min(column, at.words.length));
    if (scroll) at.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  const between = ([a, b], [c, d]) => {
    if (a === c) return lines[a].words.slice(b, d);
    const inside = lines.slice(a + 1, c).map((line) => line.words);
    return [lines[a].words.slice(b), ...inside, lines[c].words.slice(0, d)].join("\n");
  };

  const after = ([line, column], words) => {
    const parts = words.split("\n");
    return parts.length === 1 ? [line, column + words.length] : [line + parts.length - 1, parts[parts.length - 1].length];
  };

  const splice = (start, end, words) => {
    const whole = lines[start[0]].words.slice(0, start[1]) + words + lines[end[0]].words.slice(end[1]);
    replaceLines(start[0], end[0] + 1, whole.split("\n"));
    caret(after(start, words));
  };

  // Replace a stretch of the text; letters that are typed in a row are undone together.
  const edit = (start, end, words) => {
    const old = between(start, end);
    if (old === words) return;
    const last = done[done.length - 1];
    const typed = last && !old && !last.old && words.length === 1 && words !== "\n" && !last.words.endsWith("\n");
    if (typed && String(after(last.start, last.words)) === String(start)) last.words += words;
    else done.push({ start, old, words });
    undone = [];
    say("");
    splice(start, end, words);
    changed();
  };

  const undo = () => {
    const step = done.pop();
    if (!step) return;
    undone.push(step);
    splice(step.start, after(step.start, step.words), step.old);
    changed();
  };

  const redo = () => {
    const step = undone.pop();
    if (!step) return;
    done.push(step);
    splice(step.start, after(step.start, step.old), step.words);
    changed();
  };

  const plain = (words) => words.replace(/\r\n?/g, "\n");

  editor.addEventListener("beforeinput", (event) => {
    if (event.isComposing) return; // the browser's until it is finished
    event.preventDefault();
    if (event.inputType === "historyUndo") return undo();
    if (event.inputType === "historyRedo") return redo();
    const [range] = event.getTargetRanges();
    const [start, end] = range
      ? [position(range.startContainer, range.startOffset), position(range.endContainer, range.endOffset)]
      : selection() || [];
    if (!start) return;
    if (event.inputType.startsWith("delete")) return edit(start, end, "");
    if (event.inputType === "insertParagraph" || event.inputType === "insertLineBreak") {
      const indent = /^ */.exec(lines[start[0]].words)[0].slice(0, start[1]);
      return edit(start, end, `\n${indent}`);
    }
    const words = event.data ?? event.dataTransfer?.getData("text/plain");
    if (words && event.inputType.startsWith("insert")) edit(start, end, plain(words));
  });

  editor.addEventListener("compositionend", () => {
    const number = (selection() || [[0, 0]])[0][0];
    const line = lines[number];
    const now = line.textContent;
    line.textContent = line.words;
    edit([number, 0], [number, line.words.length], now);
  });

  const copy = (event) => {
    const chosen = selection();
    if (!chosen) return;
    event.clipboardData.setData("text/plain", between(...chosen));
    event.preventDefault();
    if (event.type === "cut") edit(...chosen, "");
  };
  editor.addEventListener("copy", copy);
  editor.addEventListener("cut", copy);
  editor.addEventListener("dragstart", (event) => event.preventDefault());
  editor.addEventListener("drop", (event) => event.preventDefault());

  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (event.key === "F8") { event.preventDefault(); return toFinding(); }
    if (!event.ctrlKey && !event.metaKey) return;
    if (key === "s") { event.preventDefault(); return save(); }
    if (document.activeElement !== editor) return;
    if (key === "z") { event.preventDefault(); return event.shiftKey ? redo() : undo(); }
    if (key === "y") { event.preventDefault(); redo(); }
  });

  // --- findings, below their lines

  let findings = [];

  const told = (finding) => {
    const where = finding.here || finding.line === null ? "" : `${finding.file}:${finding.line}: `;
    const more = [...finding.notes, ...(finding.help ? [`help: ${finding.help}`] : [])];
    return [`${finding.severity}[${finding.rule}]: ${where}${finding.message}`, ...more.map((words) => `= ${words}`)].join("\n");
  };

  const showFindings = () => {
    const below = new Map();
    const marks = { error: [], warning: [] };
    for (const finding of findings) {
      const number = finding.here ? finding.line - 1 : 0;
      const line = lines[Math.min(number, lines.length - 1)];
      below.set(line, [...(below.get(line) || []), finding]);
      const node = line.firstChild;
      if (!finding.here || node.nodeType !== Node.TEXT_NODE) continue;
      const range = document.createRange();
      const start = Math.min(finding.column - 1, line.words.length);
      const end = finding.end_line === finding.line ? finding.end_column - 1 : line.words.length;
      range.setStart(node, start);
      range.setEnd(node, Math.max(start, Math.min(end, line.words.length)));
      marks[finding.severity].push(range);
    }
    for (const line of lines) {
      const mine = below.get(line) || [];
      line.classList.toggle("wrong", mine.some((finding) => finding.severity === "error"));
      if (mine.length) line.dataset.said = mine.map(told).join("\n");
      else delete line.dataset.said;
    }
    if (window.CSS?.highlights) {
      CSS.highlights.set("wrong", new Highlight(...marks.error));
      CSS.highlights.set("suspicious", new Highlight(...marks.warning));
    }
    const first = findings[0];
    $("finding").hidden = !first;
    if (!first) return;
    const more = findings.length > 1 ? ` (and ${findings.length - 1} more: F8)` : "";
    $("finding").textContent = `${first.here ? `line ${first.line}: ` : ""}${first.message}${more}`;
  };

  // To the next finding after the caret, and round to the first.
  const toFinding = () => {
    const here = findings.filter((finding) => finding.here);
    if (!here.length) return;
    const line = (selection() || [[-1]])[0][0];
    const next = here.find((finding) => finding.line - 1 > line) || here[0];
    editor.focus();
    caret([next.line - 1, next.column - 1]);
  };
  $("finding").addEventListener("click", toFinding);

  // --- parameters, as sliders

  const settings = {};
  const spans = {}; // how far each slider goes: it stays while its value changes
  let shown = "";

  const set = (name, value) => {
    settings[name] = value;
    changed();
  };

  const control = (parameter) => {
    const name = archcalc.element("label", parameter.name, $("parameters").querySelector("div"));
    const inputs = [];
    const input = (type, value, event) => {
      const made = document.createElement("input");
      made.type = type;
      made.value = value;
      made.addEventListener(event, () => {
        const now = type === "checkbox" ? String(made.checked) : made.value.trim();
        for (const other of inputs) if (other !== made) other.value = now;
        name.classList.add("set");
        if (now) set(parameter.name, now);
      });
      inputs.push(made);
      name.parentNode.append(made);
      return made;
    };
    const number = Number(parameter.value);
    if (parameter.kind === "whole" && Number.isSafeInteger(number) && number >= 0) {
      const most = Math.max(spans[parameter.name] || 8, parameter.name in spans ? number : 2 * number);
      spans[parameter.name] = most;
      const slider = input("range", "0", "input");
      slider.min = Math.min(1, number);
      slider.max = most;
      slider.value = parameter.value;
      slider.setAttribute("aria-label", parameter.name);
      input("number", parameter.value, "input");
    } else if (parameter.kind === "truth") {
      input("checkbox", "", "change").checked = parameter.value === "true";
    } else {
      input("text", parameter.value, "change").className = "wide";
    }
    if (parameter.kind === "truth") archcalc.element("span", "", name.parentNode);
    const last = inputs[inputs.length - 1];
    last.id = `parameter-${parameter.name}`;
    name.htmlFor = last.id;
    name.classList.toggle("set", parameter.set);
  };

  const showParameters = (parameters) => {
    $("parameters").hidden = !parameters.length;
    const now = JSON.stringify(parameters.map(({ name, kind }) => [name, kind]));
    if (now === shown && $("parameters").contains(document.activeElement)) return; // a slider is being moved
    shown = now;
    $("parameters").querySelector("div").replaceChildren();
    parameters.forEach(control);
  };

  $("reset").addEventListener("click", () => {
    for (const name of Object.keys(settings)) delete settings[name];
    shown = "";
    changed();
  });

  // --- the server

  const draft = () => ({ base: begin.base, text: text(), settings });

  const ask = async (kind, data) => {
    const response = await fetch(`/${kind}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Token": begin.token },
      body: JSON.stringify(data),
    });
    const answer = await response.json();
    if (!response.ok) throw Object.assign(new Error(answer.error), { seen: answer.seen });
    return answer;
  };

  const kept = {}; // what was folded, sorted and moved in the report
  const sections = new Map();

  const showReport = (parts) => {
    const report = $("report");
    const wanted = new Set(parts.map(([key]) => key));
    for (const [key, { node }] of sections) if (!wanted.has(key)) { node.remove(); sections.delete(key); }
    let before = report.firstChild;
    for (const [key, markup] of parts) {
      let section = sections.get(key);
      if (!section) {
        section = { node: document.createElement("div"), markup: null };
        sections.set(key, section);
      }
      if (section.node !== before) report.insertBefore(section.node, before);
      before = section.node.nextSibling;
      if (section.markup === markup) continue;
      section.markup = markup;
      section.node.innerHTML = markup;
      archcalc.enliven(section.node, kept, explain);
    }
  };

  const explain = async (layers) => {
    try {
      return (await ask("explain", { ...draft(), layers })).layers;
    } catch (error) {
      say(error.message);
      return [];
    }
  };

  let version = 0; // of the text and the settings
  let working = false;
  let silent = false; // whether the server gave no answer, the last time
  let rest = []; // the sections that follow the network, of the last report that had any

  const changed = () => {
    version += 1;
    refresh();
  };

  // One question at a time; what was typed meanwhile is asked next.
  const refresh = async () => {
    if (working) return;
    working = true;
    document.documentElement.dataset.working = "";
    for (let asked = -1; asked !== version;) {
      asked = version;
      try {
        const answer = await ask("report", draft());
        $("report").classList.toggle("old", !answer.network);
        if (!answer.network) {
          findings = answer.findings;
          showFindings();
          continue;
        }
        document.title = `${answer.title} - archcalc`;
        findings = findings.filter((finding) => finding.severity === "warning" && finding.here);
        showFindings();
        showParameters(answer.parameters);
        const show = () => {
          showReport([["facts", answer.facts], ["network", answer.network], ...rest, ["notes", answer.notes]]);
        };
        show();
        if (silent) say("");
        silent = false;
        if (asked !== version) continue;
        const more = await ask("rest", draft());
        if (asked !== version) continue;
        rest = more.sections;
        show();
        findings = more.findings;
        showFindings();
      } catch (error) {
        $("report").classList.add("old");
        silent = true;
        say(error instanceof TypeError ? "archcalc serve does not answer: was it stopped?" : error.message);
      }
    }
    working = false;
    delete document.documentElement.dataset.working;
  };

  // --- beginning, saving, links

  let saved = "";
  let seen = begin.seen;

  const load = (given) => {
    begin.base = given.base;
    for (const name of Object.keys(settings)) delete settings[name];
    for (const name of Object.keys(spans)) delete spans[name];
    Object.assign(settings, given.settings);
    shown = "";
    if (lines.length) {
      edit([0, 0], [lines.length - 1, lines[lines.length - 1].words.length], given.text);
      caret([0, 0]);
      changed();
    } else {
      replaceLines(0, 0, plain(given.text).split("\n"));
      changed();
    }
  };

  $("catalogue").addEventListener("change", async (event) => {
    const name = event.target.value;
    event.target.value = "";
    if (!name) return;
    try {
      load(await ask("open", { name }));
      if (!$("save")) saved = text();
    } catch (error) {
      say(error.message);
    }
  });

  const save = async () => {
    if (!$("save")) return say("no file was opened: archcalc serve FILE opens one");
    const words = text();
    try {
      seen = (await ask("save", { text: words, seen })).seen;
      saved = words;
      say("saved");
      if (begin.base) { // what it imports is now looked for beside the file
        begin.base = "";
        changed();
      }
    } catch (error) {
      if (error.seen !== undefined) seen = error.seen; // to save again is to overwrite
      say(error.message);
    }
  };
  if ($("save")) $("save").addEventListener("click", save);

  const through = (bytes, stream) => new Blob([bytes]).stream().pipeThrough(stream);

  const packed = async (value) => {
    const stream = through(JSON.stringify(value), new CompressionStream("deflate-raw"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };

  const MOST = 4_000_000; // bytes that a link may hold, unpacked

  const unpacked = async (words) => {
    const letters = atob(words.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const parts = [];
    let size = 0;
    const reader = through(bytes, new DecompressionStream("deflate-raw")).getReader();
    for (;;) {
      const { done: end, value } = await reader.read();
      if (end) break;
      size += value.length;
      if (size > MOST) throw new Error("the link is too long");
      parts.push(value);
    }
    const { base, text: words_, settings: given } = JSON.parse(await new Blob(parts).text());
    if (typeof base !== "string" || typeof words_ !== "string" || typeof given !== "object") throw new Error("not a draft");
    return { base, text: words_, settings: given };
  };

  $("link").addEventListener("click", async () => {
    const address = new URL(location.href);
    address.hash = `spec=${await packed(draft())}`;
    history.replaceState(null, "", address);
    try {
      await navigator.clipboard.writeText(address.href);
      say("link copied: it holds the spec");
    } catch {
      say("the address above holds the spec: copy it");
    }
  });

  const fromLink = async () => {
    const held = /^#spec=([\w-]+)$/.exec(location.hash);
    if (!held) return false;
    try {
      load(await unpacked(held[1]));
      return true;
    } catch {
      say("the link holds no spec");
      return false;
    }
  };
  window.addEventListener("hashchange", fromLink);

  window.addEventListener("beforeunload", (event) => { if (text() !== saved) event.preventDefault(); });

  (async () => {
    saved = plain(begin.text);
    if (!(await fromLink())) load(begin);
    editor.focus();
    caret([0, 0]);
  })();
})();
