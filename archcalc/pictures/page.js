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

  // `kept` holds what the reader has chosen, by name, so that a newer table can look the same.
  const enlivenTable = (table, kept) => {
    const body = table.tBodies[0];
    const first = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const named = paths(first);
    const refresh = () => show(tree([...body.rows]), true);
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
      row.dataset.open = row.dataset.open === "1" ? "0" : "1";
      kept.open[named[first.indexOf(row)]] = row.dataset.open;
      refresh();
    });
    if (table.classList.contains("tree")) refresh();
  };

  // --- pictures: choose how fine, move, zoom, explain

  const element = (name, text, parent) => {
    const made = document.createElement(name);
    made.textContent = text;
    parent.append(made);
    return made;
  };

  // `explain` takes the numbers of layers, and gives for each a heading and pairs of a figure and its arithmetic.
  const enlivenView = (view, kept, explain) => {
    const section = view.closest("section");
    const panel = section.querySelector(".panel");
    let [x, y, scale] = kept.at || [0, 0, 1];
    const drawing = () => view.querySelector(".drawing:not([hidden]) svg");
    const size = () => [drawing().viewBox.baseVal.width, drawing().viewBox.baseVal.height];
    const apply = () => { drawing().style.transform = `translate(${x}px,${y}px) scale(${scale})`; };
    const place = () => { kept.at = [x, y, scale]; apply(); };
    const fit = () => {
      const [width, height] = size();
      scale = Math.min(1.5, (view.clientWidth - 8) / width, (view.clientHeight - 8) / height);
      [x, y] = [(view.clientWidth - width * scale) / 2, 4];
      kept.at = null;
      apply();
    };
    const zoom = (factor, cx = view.clientWidth / 2, cy = view.clientHeight / 2) => {
      const next = Math.max(0.05, Math.min(8, scale * factor));
      [x, y] = [cx - (cx - x) * next / scale, cy - (cy - y) * next / scale];
      scale = next;
      place();
    };
    view.refit = () => { if (!kept.at) fit(); };

    const levels = section.querySelectorAll(".tools [data-level]");
    const choose = (level) => {
      for (const button of levels) button.setAttribute("aria-pressed", button.dataset.level === level);
      for (const each of view.querySelectorAll(".drawing")) each.hidden = each.dataset.level !== level;
    };
    for (const button of levels) {
      button.addEventListener("click", () => { choose(button.dataset.level); fit(); });
    }
    for (const button of section.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => Number(button.dataset.zoom) ? zoom(Number(button.dataset.zoom)) : fit());
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
      else if (event.key === "0") fit();
    });

    let chosen = null;
    const close = () => {
      panel.hidden = true;
      if (chosen) { chosen.classList.remove("chosen"); chosen.focus(); }
      chosen = null;
    };
    const open = async (node) => {
      if (chosen) chosen.classList.remove("chosen");
      chosen = node;
      node.classList.add("chosen");
      const [first, last] = [Number(node.dataset.first), Number(node.dataset.last)];
      const found = await explain(Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => first + k));
      if (chosen !== node) return; // another was chosen meanwhile
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
      if (!found.length) {
        element("p", `${node.querySelector("title").textContent}: unfold it to see its layers`, panel);
      }
      panel.hidden = false;
      panel.scrollTop = 0;
    };
    for (const node of view.querySelectorAll(".node")) {
      node.setAttribute("tabindex", "0");
      node.setAttribute("role", "button");
      node.addEventListener("click", () => { if (!moved) open(node); });
      node.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { open(node); event.preventDefault(); }
      });
      node.addEventListener("focus", () => { // what is reached by the keyboard comes into view
        if (!node.matches(":focus-visible")) return;
        const [box, mine] = [view.getBoundingClientRect(), node.getBoundingClientRect()];
        if (mine.left < box.left) x += box.left - mine.left + 20;
        if (mine.right > box.right) x -= mine.right - box.right + 20;
        if (mine.top < box.top) y += box.top - mine.top + 20;
        if (mine.bottom > box.bottom) y -= mine.bottom - box.bottom + 20;
        [view.scrollLeft, view.scrollTop] = [0, 0];
        place();
      });
    }
    section.addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) close(); });
    if (kept.at) apply(); else fit();
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
