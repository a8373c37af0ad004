// What script adds to the SQL page: names while one writes, Ctrl+Enter, and a button that stops a query under way.
"use strict";

const WORDS = ["SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "JOIN", "LEFT JOIN", "WITH", "DISTINCT", "CASE WHEN", "BETWEEN", "count(*)", "sum(", "avg(", "round(", "coalesce("];
const MOST = 8;

const editor = document.querySelector("textarea[data-dictionary]");
if (editor) {
  for (const hint of document.querySelectorAll("[data-script='sql'][hidden]")) hint.hidden = false;
  running(editor.form);
  completion(editor);
}

// A page that is being asked for stays here until the answer begins: till then it can be given up, which ends the query.
function running(form) {
  const stop = form.querySelector("[data-stop]");
  const said = form.querySelector("[data-running]");
  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    stop.hidden = false;
    said.textContent = said.dataset.running;
  });
  stop.addEventListener("click", () => {
    window.stop();
    stop.hidden = true;
    said.textContent = said.dataset.stopped;
    form.querySelector("textarea").focus();
  });
  // Who comes back to the page finds no query under way.
  addEventListener("pageshow", () => {
    stop.hidden = true;
    said.textContent = "";
  });
}

function completion(area) {
  const list = document.createElement("ul");
  list.id = "names";
  list.className = "siss-names";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", area.dataset.names);
  list.hidden = true;
  area.after(list);
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-controls", list.id);
  let datasets = [];
  let chosen = -1;

  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      area.form.requestSubmit(area.form.querySelector("[value='esegui']"));
      return;
    }
    if (list.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose((chosen + step + list.children.length) % list.children.length);
    else if (event.key === "Tab" && !event.shiftKey && chosen >= 0) take(list.children[chosen]);
    else if (event.key === "Escape") hide();
    else return;
    event.preventDefault();
  });
  area.addEventListener("input", show);
  area.addEventListener("blur", () => setTimeout(hide, 150));
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const item = event.target.closest("li");
    if (item) take(item);
  });

  // The names are asked for when somebody begins to write: the page is whole without them.
  area.addEventListener("focus", async () => {
    const answer = await fetch(area.dataset.dictionary, { headers: { accept: "application/json" } });
    if (answer.ok) ({ datasets } = await answer.json());
  }, { once: true });

  function before() {
    return area.value.slice(0, area.selectionStart).match(/[\w.]*$/)[0];
  }

  // Columns of the tables that the query names come first, under the short names it gives them; then tables; then words of SQL.
  function names(typed) {
    const wanted = typed.toLowerCase();
    const found = [];
    for (const dataset of datasets) {
      const plain = dataset.name.replace(".", "\\.");
      const use = area.value.match(new RegExp(`\\b${plain}\\b(?:\\s+(?:as\\s+)?(?!where\\b|on\\b|join\\b|left\\b|group\\b|order\\b|limit\\b)([a-z_]\\w*))?`, "i"));
      if (!use) continue;
      for (const column of dataset.columns) {
        const full = wanted.includes(".") ? `${use[1] || dataset.name}.${column.name}` : column.name;
        found.push({ name: full, title: column.title });
      }
    }
    for (const dataset of datasets) found.push({ name: dataset.name, title: dataset.title });
    for (const word of WORDS) found.push({ name: word, title: "" });
    const seen = new Set();
    return found.filter(({ name }) => name.toLowerCase().startsWith(wanted) && name.length > typed.length && !seen.has(name) && seen.add(name)).slice(0, MOST);
  }

  function show() {
    const typed = before();
    const found = typed.length < 2 ? [] : names(typed);
    list.replaceChildren(...found.map(({ name, title }, place) => {
      const item = document.createElement("li");
      item.id = `name-${place}`;
      item.setAttribute("role", "option");
      item.dataset.name = name;
      const code = document.createElement("code");
      code.textContent = name;
      item.append(code, title ? ` ${title}` : "");
      return item;
    }));
    if (!found.length) return hide();
    list.hidden = false;
    choose(0);
  }

  function choose(place) {
    chosen = place;
    for (const [at, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(at === place));
    area.setAttribute("aria-activedescendant", list.children[place].id);
    list.children[place].scrollIntoView({ block: "nearest" });
  }

  function take(item) {
    const typed = before();
    const end = area.selectionStart;
    area.setRangeText(item.dataset.name, end - typed.length, end, "end");
    hide();
    area.focus();
  }

  function hide() {
    list.hidden = true;
    chosen = -1;
    area.removeAttribute("aria-activedescendant");
  }
}
