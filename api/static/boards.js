// What script adds to dashboards, which are whole without it: the same place lights up in every chart and table, its value stands beside
// the pointer, maps can be enlarged and moved.
"use strict";

const STEP = 1.6;
const LARGEST = 12;

const light = (key) => {
  for (const old of document.querySelectorAll(".siss-lit")) old.classList.remove("siss-lit");
  for (const chart of document.querySelectorAll(".siss-chart")) {
    const found = key ? [...chart.querySelectorAll("[data-k]")].filter((mark) => mark.dataset.k === key) : [];
    for (const mark of found) mark.classList.add("siss-lit");
    chart.classList.toggle("siss-chart-on", found.length > 0);
  }
  if (!key) return;
  for (const row of document.querySelectorAll("tr[data-k]")) if (row.dataset.k === key) row.classList.add("siss-lit");
};

// A mark's own title would come late and a second time: its text is kept, the element goes. Places of a map have theirs in the table.
const said = (mark) => {
  const title = mark.querySelector(":scope > title");
  if (title) {
    mark.dataset.says = title.textContent;
    title.remove();
  }
  if (!mark.dataset.says && mark.closest(".siss-map") && mark.dataset.k) {
    const row = [...mark.closest(".siss-panel").querySelectorAll("tr[data-k]")].find((row) => row.dataset.k === mark.dataset.k);
    if (row) mark.dataset.says = `${row.cells[0].textContent}: ${[...row.cells].slice(1).map((cell) => cell.textContent).join(" · ")}`;
  }
  return mark.dataset.says;
};

const point = (drawing, tip, event) => {
  const text = event.target.closest("svg") ? said(event.target) : undefined;
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const box = drawing.getBoundingClientRect();
  const left = Math.min(event.clientX - box.left + 12, box.width - tip.offsetWidth);
  tip.style.left = `${Math.max(left, 0)}px`;
  tip.style.top = `${Math.max(event.clientY - box.top - tip.offsetHeight - 10, 0)}px`;
};

const button = (sign, label, act) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = sign;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
};

// The map's own group is moved within the picture: the legend stays where it is.
const zoomable = (drawing, map, words) => {
  const chart = map.ownerSVGElement;
  const start = map.getAttribute("transform");
  const view = chart.viewBox.baseVal;
  let [scale, x, y] = [1, 0, 0];
  const show = () => {
    map.setAttribute("transform", scale === 1 ? start : `translate(${x} ${y}) scale(${scale}) ${start}`);
    chart.classList.toggle("siss-zoomed", scale > 1);
  };
  const zoom = (by, cx = view.width / 2, cy = view.width / 2) => {
    const next = Math.min(Math.max(scale * by, 1), LARGEST);
    [x, y] = next === 1 ? [0, 0] : [cx - ((cx - x) * next) / scale, cy - ((cy - y) * next) / scale];
    scale = next;
    show();
  };
  const all = () => {
    [scale, x, y] = [1, 0, 0];
    show();
  };
  const buttons = document.createElement("div");
  buttons.className = "siss-zoom";
  buttons.dataset.script = "";
  buttons.append(button("+", words.in, () => zoom(STEP)), button("−", words.out, () => zoom(1 / STEP)), button("⤢", words.all, all));
  drawing.append(buttons);

  const units = (event) => {
    const box = chart.getBoundingClientRect();
    return [((event.clientX - box.left) * view.width) / box.width, ((event.clientY - box.top) * view.height) / box.height];
  };
  chart.addEventListener("dblclick", (event) => zoom(STEP, ...units(event)));
  // The wheel alone scrolls the page, as everywhere.
  chart.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? STEP : 1 / STEP, ...units(event));
  }, { passive: false });
  let from = null;
  chart.addEventListener("pointerdown", (event) => {
    if (scale > 1) from = units(event);
  });
  chart.addEventListener("pointermove", (event) => {
    if (!from) return;
    const to = units(event);
    [x, y] = [x + to[0] - from[0], y + to[1] - from[1]];
    from = to;
    show();
  });
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) chart.addEventListener(end, () => (from = null));
};

for (const panels of document.querySelectorAll(".siss-panels")) {
  panels.addEventListener("pointerover", (event) => light(event.target.closest("[data-k]")?.dataset.k));
  panels.addEventListener("pointerleave", () => light(null));
  for (const drawing of panels.querySelectorAll(".siss-drawing")) {
    const tip = document.createElement("div");
    tip.className = "siss-tip";
    tip.dataset.script = "";
    tip.hidden = true;
    drawing.append(tip);
    drawing.addEventListener("pointermove", (event) => point(drawing, tip, event));
    drawing.addEventListener("pointerleave", () => (tip.hidden = true));
    const map = drawing.querySelector(".siss-map");
    if (map) zoomable(drawing, map, panels.dataset);
  }
}

// On paper every table is there.
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll(".siss-panel details")) details.open = true;
});
