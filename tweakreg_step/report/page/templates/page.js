"use strict";
// Tables that sort, plots that are drawn when they come near, and one selection for all of them.
(() => {
  const names = JSON.parse(document.getElementById("names").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();   // element -> document of Bokeh
  let chosen = [];           // indices of the groups that are selected
  let busy = false;          // whether the page itself is selecting

  const groupsOf = element =>
    (element.dataset.groups || "").split(" ").filter(Boolean).map(Number);

  // ---- tables
  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("thead th").forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        const body = table.tBodies[0];
        const key = row => row.cells[column].dataset.v ?? row.cells[column].textContent;
        const order = (a, b) => {
          const x = key(a), y = key(b);
          if (x === "" || y === "") return (x === "") - (y === "");
          const d = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
          return down ? -d : d;
        };
        body.append(...[...body.rows].sort(order));
        table.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
      });
    });
  }

  // ---- selection
  const sourcesOf = doc => doc && doc._all_models ? [...doc._all_models.values()] : [];
  const isSource = model => model.type === "ColumnDataSource" && model.data
    && (model.data.group || model.data.first);

  // the rows of a source that belong to the groups; of two groups, the edge between them
  function rowsOf(source, groups) {
    const wanted = new Set(groups), rows = [];
    const { group, first, second } = source.data;
    for (let i = 0; i < (group || first).length; i++) {
      const hit = group ? wanted.has(group[i]) : wanted.size === 1
        ? wanted.has(first[i]) || wanted.has(second[i])
        : wanted.has(first[i]) && wanted.has(second[i]);
      if (hit) rows.push(i);
    }
    return rows;
  }

  function groupsAt(source, rows) {
    const { group, first, second } = source.data;
    return rows.flatMap(i => group ? [group[i]] : [first[i], second[i]]);
  }

  function mark(doc) {
    for (const source of sourcesOf(doc).filter(isSource))
      source.selected.indices = rowsOf(source, chosen);
  }

  function select(groups, from) {
    if (busy) return;
    busy = true;
    chosen = [...new Set(groups)].sort((a, b) => a - b);
    const wanted = new Set(chosen);
    for (const row of document.querySelectorAll("tr[data-groups], figure[data-groups]")) {
      const own = groupsOf(row);
      // a pair is chosen if both are, a group alone chooses all of its pairs
      const hit = chosen.length === 1 ? own.includes(chosen[0])
        : own.length > 0 && own.every(g => wanted.has(g));
      row.classList.toggle("chosen", hit);
    }
    for (const doc of drawn.values()) mark(doc);
    const bar = document.getElementById("chosen");
    bar.hidden = chosen.length === 0;
    const more = chosen.length > 4 ? ` and ${chosen.length - 4} more` : "";
    bar.querySelector("span").textContent =
      `Selected: ${chosen.slice(0, 4).map(g => names[g]).join(", ")}${more}`;
    document.body.dataset.chosen = chosen.join(" ");
    if (from !== "table") show();
    busy = false;
  }

  // bring the first selected row into the table's own window, without moving the page
  function show() {
    const row = document.querySelector("#corrections tr.chosen");
    const box = row && row.closest(".wide.long");
    if (box) box.scrollTop = row.offsetTop - box.clientHeight / 2;
  }

  document.querySelector("#chosen button").addEventListener("click", () => select([]));
  document.addEventListener("keydown", event => { if (event.key === "Escape") select([]); });
  document.addEventListener("click", event => {
    const row = event.target.closest("tr[data-groups], a[data-groups]");
    if (row && !window.getSelection().toString()) {
      const own = groupsOf(row);
      select(row.classList.contains("chosen") && own.join(" ") === chosen.join(" ") ? [] : own,
        "table");
    }
  });

  // ---- plots
  function dress(doc, night) {
    const style = getComputedStyle(document.documentElement);
    const [ink, paper, line, soft] = night === undefined
      ? ["--ink", "--paper", "--line", "--soft"].map(n => style.getPropertyValue(n).trim())
      : ["#000000", "#ffffff", "#c8c8c8", "#444444"];
    for (const model of sourcesOf(doc)) {
      if (model.type === "Figure") {
        model.background_fill_color = model.border_fill_color = paper;
        model.outline_line_color = line;
      } else if (/Axis$/.test(model.type)) {
        model.axis_label_text_color = model.major_label_text_color = ink;
        model.axis_line_color = model.major_tick_line_color = soft;
        model.minor_tick_line_color = line;
      } else if (model.type === "Grid") {
        model.grid_line_color = line; model.grid_line_alpha = 0.5;
      } else if (model.type === "Legend") {
        model.background_fill_color = paper; model.background_fill_alpha = 0.85;
        model.label_text_color = ink; model.border_line_color = line;
      } else if (model.type === "ColorBar") {
        model.background_fill_color = paper;
        model.title_text_color = model.major_label_text_color = ink;
      }
    }
  }

  async function draw(figure) {
    const place = figure.querySelector(".canvas");
    if (!place || drawn.has(place)) return;
    drawn.set(place, { _all_models: new Map() });  // nobody else draws it meanwhile
    const data = figure.querySelector("script");
    const item = JSON.parse(data.textContent);
    data.remove();
    const views = await Bokeh.embed.embed_item(item, place.id);
    const doc = [...views][0].model.document;
    drawn.set(place, doc);
    dress(doc);
    mark(doc);
    for (const source of sourcesOf(doc).filter(isSource))
      source.selected.properties.indices.change.connect(() => {
        const rows = source.selected.indices;
        // Bokeh clears the other layers when one is tapped
        if (!busy && (rows.length || chosen.length)) tapped(source, rows);
      });
    figure.dataset.drawn = "yes";
  }

  // one tap changes several layers: what is selected in any of them counts
  let waiting = null;
  function tapped(source, rows) {
    const own = groupsAt(source, [...rows]);
    if (waiting) { waiting.push(...own); return; }
    waiting = own;
    setTimeout(() => { const found = waiting; waiting = null; select(found, "plot"); }, 30);
  }

  for (const button of document.querySelectorAll(".switch button"))
    button.addEventListener("click", () => {
      const figure = button.closest("figure");
      const layers = [...figure.querySelectorAll(".switch button")];
      for (const other of layers)
        other.setAttribute("aria-pressed", other === button ? "true" : "false");
      const doc = drawn.get(figure.querySelector(".canvas"));
      const known = layers.map(one => one.dataset.layer);
      for (const model of sourcesOf(doc))
        if (known.includes(model.name)) model.visible = model.name === button.dataset.layer;
    });

  const figures = [...document.querySelectorAll("figure.plot")];
  const near = new IntersectionObserver(entries => {
    for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
  }, { rootMargin: "600px" });
  figures.forEach(figure => near.observe(figure));
  // the others one after another while nothing else is to be done, for printing and searching
  const idle = window.requestIdleCallback || (call => setTimeout(call, 50));
  async function rest(index) {
    if (index === figures.length) { document.body.dataset.ready = "yes"; return; }
    await draw(figures[index]);
    idle(() => rest(index + 1));
  }
  window.addEventListener("load", () => idle(() => rest(0)));

  const all = night => { for (const doc of drawn.values()) dress(doc, night); };
  dark.addEventListener("change", () => all());
  window.addEventListener("beforeprint", () => all(false));
  window.addEventListener("afterprint", () => all());
})();
