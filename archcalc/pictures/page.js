"use strict";
// Makes the tables and pictures of a page usable: `archcalc.enliven(root)` does it for all that is in an element.
const archcalc = (() => {
  // --- tables: sort by a column, fold away what lies below a row

  const units = {
    K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15, EB: 1e18,
    ns: 1e-9, us: 1e-6, "µs": 1e-6, ms: 1e-3,
  };

  // A cell as a number where it is one: 1,234 or 12.85 MB or 74.3 %; a volume is as large as it has values.
  const figure = (text) => {
    const volume = /^\d+(x\d+)+$/.exec(text);
    if (volume) return text.split("x").reduce((product, size) => product * Number(size), 1);
    const found = /^(-?[\d,]*\.?\d+)\s*([A-Za-zµ%]*)/.exec(text);
    return found ? Number(found[1].replaceAll(",", "")) * (units[found[2]] || 1) : null;
  };

  const compare = (a, b, sign) => {
    const [x, y] = [figure(a), figure(b)];
    if (x !== null && y !== null) return sign * (x - y);
    if (x !== null || y !== null) return x === null ? 1 : -1; // what has no figure comes last
    if (!a || !b) return a ? -1 : b ? 1 : 0;
    return sign * a.localeCompare(b, "en");
  };

  const level = (row) => Number(row.dataset.level || 0);

  // The rows as a tree: [row, children], so that sorting keeps what belongs together.
  const tree = (rows) => {
    const root = { level: -1, children: [] };
    const stack = [root];
    for (const row of rows) {
      while (stack[stack.length - 1].level >= level(row)) stack.pop();
      const item = { row, level: level(row), children: [] };
      stack[stack.length - 1].children.push(item);
      stack.push(item);
    }
    return root;
  };

  const put = (body, item) => {
    if (item.row) body.append(item.row);
    item.children.forEach((child) => put(body, child));
  };

  const sort = (item, column, sign) => {
    const text = (child) => child.row.cells[column].textContent.trim();
    item.children.sort((a, b) => compare(text(a), text(b), sign));
    item.children.forEach((child) => sort(child, column, sign));
  };

  const show = (item, visible) => {
    if (item.row) {
      item.row.hidden = !visible;
      const button = item.row.querySelector(".fold");
      if (button) button.setAttribute("aria-expanded", item.row.dataset.open === "1");
    }
    const open = !item.row || item.row.dataset.open === "1";
    item.children.forEach((child) => show(child, visible && open));
  };

  // Where a row is in the tree, by what stands in the first cells above it.
  const paths = (rows) => {
    const way = [];
    return rows.map((row) => {
      way.length = level(row);
      way.push(row.cells[0] ? row.cells[0].textContent : "");
      return way.join("/");
    });
  };

  const element = (name, text, parent) => {
    const made = document.createElement(name);
    made.textContent = text;
    parent.append(made);
    return made;
  };

  // Buttons that open all that lies less deep than a level, up to `deepest`, and what marks the one that says how it is.
  const levelButtons = (bar, words, deepest, open, is) => {
    const buttons = [];
    if (deepest) bar.append(words);
    for (let level = 0; deepest && level <= deepest; level += 1) {
      const name = level === deepest ? "all" : level ? `${level} deep` : "none";
      const button = element("button", name, bar);
      button.type = "button";
      button.addEventListener("click", () => open(level));
      buttons.push(button);
    }
    return () => buttons.forEach((button, level) => button.setAttribute("aria-pressed", is(level)));
  };

  // `kept` holds what the reader has chosen, by name, so that a newer table can look the same.
  const enlivenTable = (table, kept) => {
    const body = table.tBodies[0];
    const first = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const named = paths(first);
    const parents = first.filter((row) => "open" in row.dataset);
    const unfold = (row, open) => { row.dataset.open = kept.open[named[first.indexOf(row)]] = open ? "1" : "0"; };
    const mark = levelButtons(
      table.closest("section").querySelector(".levels"), "rows unfolded: ",
      Math.max(0, ...parents.map((row) => level(row) + 1)),
      (deep) => { parents.forEach((row) => unfold(row, level(row) < deep)); refresh(); },
      (deep) => parents.every((row) => (row.dataset.open === "1") === level(row) < deep),
    );
    const refresh = () => { show(tree([...body.rows]), true); mark(); };
    const order = (column, direction) => {
      for (const head of heads) head.setAttribute("aria-sort", "none");
      heads[column].setAttribute("aria-sort", direction);
      if (direction === "none") return body.append(...first);
      const root = tree(first);
      sort(root, column, direction === "ascending" ? 1 : -1);
      put(body, root);
    };
    kept.open ||= {};
    first.forEach((row, k) => {
      if ("open" in row.dataset && named[k] in kept.open) row.dataset.open = kept.open[named[k]];
    });
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const next = { none: "descending", descending: "ascending", ascending: "none" }[before];
        kept.sorted = [head.textContent, next];
        order(column, next);
      });
    });
    const sorted = kept.sorted ? heads.findIndex((head) => head.textContent === kept.sorted[0]) : -1;
    if (sorted >= 0) order(sorted, kept.sorted[1]);
    body.addEventListener("click", (event) => {
      const row = event.target.closest(".fold") && event.target.closest("tr");
      if (!row) return;
      unfold(row, row.dataset.open !== "1");
      refresh();
    });
    if (table.classList.contains("tree")) refresh();
    const around = table.parentElement;
    [around.scrollLeft, around.scrollTop] = kept.scroll || [0, 0];
    around.addEventListener("scroll", () => { kept.scroll = [around.scrollLeft, around.scrollTop]; });
  };

  // --- blocks of a picture: closed and opened, and what is below them moved up and down

  // A path as [command, numbers], of those that a drawing has; small letters are relative and move along.
  const commands = (path) =>
    [...path.matchAll(/([MLHVCqlhvz])([^MLHVCqlhvz]*)/g)].map(([, name, rest]) => [name, rest.trim().split(/[ ,]+|(?=-)/).filter(Boolean).map(Number)]);

  const moved = (path, to) => {
    let [x, y] = [0, 0];
    const put = (value) => Math.round(10 * value) / 10;
    return path.map(([name, values]) => {
      const made = [...values];
      if (name === "H") x = values[0];
      else if (name === "V") { y = values[0]; made[0] = put(to(x, y)); }
      else if (name === "q") { x += values[2]; y += values[3]; }
      else if (name === "h") x += values[0];
      else if (name === "v") y += values[0];
      else if (name === "l") { x += values[0]; y += values[1]; }
      else {
        for (let k = 1; k < values.length; k += 2) made[k] = put(to(values[k - 1], values[k]));
        [x, y] = values.slice(-2);
      }
      return name + made.join(" ");
    }).join("");
  };

  const rectangle = (node) => {
    const { x, y, width, height } = node.querySelector(":scope > rect:last-of-type");
    const of = (size) => size.baseVal.value;
    return { top: of(y), height: of(height), middle: of(x) + of(width) / 2 };
  };

  // What a group holds: rows, in columns; boxes and blocks in the rows; and all paths that lead between these.
  const container = (group) => {
    const rows = (group.dataset.rows || "").split(";").filter(Boolean).map((row) => {
      const [left, top, height] = row.split(" ").map(Number);
      return { left, top, height, items: [] };
    });
    const made = { group, rows, items: [], paths: [] };
    const at = (x, y) => rows.findLast((row) => row.left <= x && row.top <= y + 0.1);
    for (const node of group.children) {
      if (node.matches("path")) made.paths.push([node, commands(node.getAttribute("d"))]);
      if (!node.matches(".node, .block")) continue;
      const item = { node, ...rectangle(node) };
      if (node.matches(".block")) item.inside = block(node);
      made.items.push(item);
      at(item.middle, item.top)?.items.push(item);
    }
    return made;
  };

  const block = (group) => {
    const rects = [...group.querySelectorAll(":scope > rect")];
    const closed = group.querySelector(":scope > .closed");
    const sign = group.querySelector(":scope > .sign");
    return { ...container(group), rects, closed, least: rectangle(closed).height, open: rectangle(group).height, sign };
  };

  const folded = (inside) => inside.group.classList.contains("folded");

  // How high an item is at the least, and a row with the items that it has.
  const least = (item) => {
    if (!item.inside) return item.height;
    if (folded(item.inside)) return Math.min(item.height, item.inside.least);
    return item.height - item.inside.rows.reduce((saved, row) => saved + row.height - rowHeight(row), 0);
  };
  const rowHeight = (row) => row.items.length ? Math.max(...row.items.map(least)) : row.height;

  // Move all that is in a container, which is `slack` higher than it need be.
  const settle = (inside, slack) => {
    const { rows, paths, items } = inside;
    let column = null;
    let shift = 0;
    rows.forEach((row, k) => {
      if (column !== row.left) [column, shift] = [row.left, 0];
      if (slack && k === rows.length - 1 && !row.height) shift += slack; // where values leave
      row.newHeight = rowHeight(row);
      row.newTop = row.top + shift;
      shift += row.newHeight - row.height;
    });
    const to = (x, y) => {
      const row = rows.findLast((each) => each.left <= x + 0.1 && each.top <= y + 0.1);
      if (!row) return y;
      const [bottom, newBottom] = [row.top + row.height, row.newTop + row.newHeight];
      if (y - row.top < 0.1) return row.newTop;
      if (y > bottom - 0.1) return y + newBottom - bottom;
      return Math.max(row.newTop, Math.min(newBottom, y + (row.newTop + newBottom - row.top - bottom) / 2));
    };
    for (const [node, path] of paths) if (node !== inside.sign) node.setAttribute("d", moved(path, to));
    for (const item of items) {
      const row = rows.find((each) => each.items.includes(item));
      const height = item.inside && row ? Math.min(item.height, row.newHeight) : item.height;
      const top = row ? row.newTop + (row.newHeight - height) / 2 : item.top;
      if (top === item.top) item.node.removeAttribute("transform");
      else item.node.setAttribute("transform", `translate(0 ${Math.round(10 * (top - item.top)) / 10})`);
      if (!item.inside) continue;
      const { closed, rects } = item.inside;
      for (const rect of rects) rect.setAttribute("height", height);
      for (const rect of closed.querySelectorAll("rect")) rect.setAttribute("height", height);
      const down = (height - item.inside.least) / 2;
      for (const text of closed.querySelectorAll("text, path")) text.setAttribute("transform", `translate(0 ${down})`);
      if (!folded(item.inside)) settle(item.inside, height - least(item));
    }
  };

  // A block's name for what is kept: its path, and how deep it lies (a pair has the path of its first block).
  const depth = (node) => {
    let count = 0;
    for (let up = node.parentElement; up; up = up.parentElement) count += up.matches(".block");
    return count;
  };
  const identity = (node) => `${depth(node)} ${node.dataset.path}`;

  const enlivenBlocks = (section, kept, isMoved) => {
    const graph = section.querySelector(".graph");
    if (!graph) return;
    kept.folded ||= {};
    const whole = container(graph);
    const blocks = [...graph.querySelectorAll(".block")];
    const levels = Math.max(0, ...blocks.map((node) => depth(node) + 1));
    const fold = (node, closed) => {
      node.classList.toggle("folded", closed);
      if (closed) kept.folded[identity(node)] = true;
      else delete kept.folded[identity(node)];
    };
    const drawing = graph.ownerSVGElement;
    const tall = drawing.viewBox.baseVal.height;
    const bottom = (top, height) => Math.max(0, ...whole.rows.map((row) => row[top] + row[height]));
    const refresh = () => {
      settle(whole, 0);
      const shorter = bottom("top", "height") - bottom("newTop", "newHeight");
      drawing.viewBox.baseVal.height = tall - shorter;
      drawing.setAttribute("height", tall - shorter);
      for (let after = graph.nextElementSibling; after; after = after.nextElementSibling) { // the legend
        after.setAttribute("transform", `translate(0 ${-shorter})`);
      }
      mark();
    };
    const mark = levelButtons(
      section.querySelector(".levels"), "blocks unfolded: ", levels,
      (level) => { for (const node of blocks) fold(node, depth(node) >= level); refresh(); },
      (level) => blocks.every((node) => node.classList.contains("folded") === depth(node) >= level),
    );
    const toggle = (node) => {
      const closed = !node.classList.contains("folded");
      fold(node, closed);
      refresh();
      node.querySelector(closed ? ":scope > .closed" : ":scope > text").focus();
    };
    for (const node of blocks) {
      if (kept.folded[identity(node)]) fold(node, true);
      const title = node.querySelector(":scope > text");
      const closed = node.querySelector(":scope > .closed");
      for (const [handle, open] of [[title, true], [closed, false]]) {
        handle.setAttribute("tabindex", "0");
        handle.setAttribute("role", "button");
        handle.setAttribute("aria-expanded", open);
        handle.setAttribute("aria-label", `block ${node.dataset.path}`);
        handle.addEventListener("keydown", (event) => {
          if (event.key === "Enter" || event.key === " ") { toggle(node); event.preventDefault(); }
        });
      }
      node.addEventListener("click", (event) => {
        if (isMoved() || event.target.closest(".node") || event.target.closest(".block") !== node) return;
        toggle(node);
      });
    }
    refresh();
  };

  // --- pictures: move, zoom, explain

  // `explain` takes the numbers of layers, and gives for each a heading and pairs of a figure and its arithmetic.
  const enlivenView = (view, kept, explain) => {
    const section = view.closest("section");
    const panel = section.querySelector(".panel");
    let [x, y, scale] = kept.at || [0, 0, 1];
    const drawing = () => view.querySelector("svg");
    const size = () => [drawing().viewBox.baseVal.width, drawing().viewBox.baseVal.height];
    const apply = () => { drawing().style.transform = `translate(${x}px,${y}px) scale(${scale})`; };
    const place = () => { kept.at = [x, y, scale]; apply(); };
    // At first as wide as the view, so that its text can be read; then, where that is asked for, all of it.
    const fit = () => {
      const [width, height] = size();
      const [across, down] = [(view.clientWidth - 8) / width, (view.clientHeight - 8) / height];
      scale = kept.whole ? Math.min(1.5, across, down) : Math.max(0.6, Math.min(1, across));
      [x, y] = [Math.max(4, (view.clientWidth - width * scale) / 2), 4];
      kept.at = null;
      apply();
    };
    const whole = () => { kept.whole = true; fit(); };
    const zoom = (factor, cx = view.clientWidth / 2, cy = view.clientHeight / 2) => {
      const next = Math.max(0.05, Math.min(8, scale * factor));
      [x, y] = [cx - (cx - x) * next / scale, cy - (cy - y) * next / scale];
      scale = next;
      place();
    };
    view.refit = () => { if (!kept.at) fit(); };

    for (const button of section.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => Number(button.dataset.zoom) ? zoom(Number(button.dataset.zoom)) : whole());
    }

    let drag = null;
    let moved = false;
    view.addEventListener("pointerdown", (event) => {
      drag = [event.clientX - x, event.clientY - y, event.clientX, event.clientY];
      moved = false;
    });
    view.addEventListener("pointermove", (event) => {
      if (!drag) return;
      if (!moved && Math.hypot(event.clientX - drag[2], event.clientY - drag[3]) < 4) return;
      if (!moved) view.setPointerCapture(event.pointerId);
      moved = true;
      [x, y] = [event.clientX - drag[0], event.clientY - drag[1]];
      place();
    });
    const release = () => { drag = null; };
    view.addEventListener("pointerup", release);
    view.addEventListener("pointercancel", release);
    view.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls, and pinching zooms
      event.preventDefault();
      const box = view.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    view.addEventListener("dblclick", (event) => {
      const box = view.getBoundingClientRect();
      zoom(1.6, event.clientX - box.left, event.clientY - box.top);
    });
    view.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
      if (step) { x += step[0]; y += step[1]; place(); event.preventDefault(); }
      else if (event.key === "+" || event.key === "=") zoom(1.25);
      else if (event.key === "-") zoom(0.8);
      else if (event.key === "0") whole();
    });

    // What is chosen is kept by its layers' names; where they are new, by these without numbers, which change where a
    // layer is added, or by its place among as many boxes.
    const nodes = [...view.querySelectorAll(".node")];
    const named = (node) => node.querySelector("title").textContent;
    let chosen = null;
    const choose = (node) => {
      if (chosen) chosen.classList.remove("chosen");
      chosen = node;
      if (node) node.classList.add("chosen");
      kept.chosen = node && [named(node), nodes.indexOf(node), nodes.length];
    };
    const close = () => {
      const before = chosen;
      panel.hidden = true;
      choose(null);
      if (before) before.focus();
    };
    const tell = (found, scrolled) => {
      panel.replaceChildren();
      const button = element("button", "close", panel);
      button.type = "button";
      button.className = "close";
      button.addEventListener("click", close);
      for (const [heading, ...pairs] of found) {
        element("h3", heading, panel);
        const list = element("dl", "", panel);
        for (const [name, text] of pairs) { element("dt", name, list); element("dd", text, list); }
      }
      panel.hidden = false;
      panel.scrollTop = kept.scrolled = scrolled;
      kept.told = found;
    };
    const open = async (node, scrolled = () => 0) => {
      if (kept.chosen?.[0] !== named(node)) kept.told = [];
      choose(node);
      kept.at = [x, y, scale];
      const [first, last] = [Number(node.dataset.first), Number(node.dataset.last)];
      const found = await explain(Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => first + k));
      if (chosen === node) tell(found, scrolled()); // and no other was chosen meanwhile
    };
    const reopen = () => {
      const [name, place, count] = kept.chosen;
      const plain = (text) => text.replaceAll(/\.\d+/g, "");
      const far = (node) => Math.abs(nodes.indexOf(node) - place);
      const alike = nodes.filter((each) => plain(named(each)) === plain(name)).sort((a, b) => far(a) - far(b));
      const node = nodes.find((each) => named(each) === name) || alike[0] || (nodes.length === count && nodes[place]);
      if (!node) { kept.chosen = null; return; }
      tell(kept.told || [], kept.scrolled || 0); // what was told before, until there is newer
      open(node, () => panel.scrollTop);
    };
    panel.addEventListener("scroll", () => { kept.scrolled = panel.scrollTop; });
    for (const node of nodes) {
      node.setAttribute("tabindex", "0");
      node.setAttribute("role", "button");
      node.addEventListener("click", () => { if (!moved) open(node); });
      node.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { open(node); event.preventDefault(); }
      });
    }
    view.addEventListener("focusin", ({ target }) => { // what is reached by the keyboard comes into view
      if (target === view || !target.matches(":focus-visible")) return;
      const [box, mine] = [view.getBoundingClientRect(), target.getBoundingClientRect()];
      if (mine.left < box.left) x += box.left - mine.left + 20;
      if (mine.right > box.right) x -= mine.right - box.right + 20;
      if (mine.top < box.top) y += box.top - mine.top + 20;
      if (mine.bottom > box.bottom) y -= mine.bottom - box.bottom + 20;
      [view.scrollLeft, view.scrollTop] = [0, 0];
      place();
    });
    section.addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) close(); });
    enlivenBlocks(section, kept, () => moved);
    if (kept.at) apply(); else fit();
    if (kept.chosen) reopen();
  };

  window.addEventListener("resize", () => {
    for (const view of document.querySelectorAll(".view.pan")) view.refit();
  });

  // The arithmetic that stands in the page.
  const explanations = (section) => {
    const layers = JSON.parse(section.querySelector(".layers").textContent);
    return (numbers) => numbers.map((number) => layers[number]).filter(Boolean);
  };

  const enliven = (root, kept = {}, explain = null) => {
    const of = (node) => kept[node.closest("section").id] ||= {};
    for (const table of root.querySelectorAll("table")) enlivenTable(table, of(table));
    for (const view of root.querySelectorAll(".view.pan")) {
      enlivenView(view, of(view), explain || explanations(view.closest("section")));
    }
  };

  return { element, enliven };
})();
