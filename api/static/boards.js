// What script adds to dashboards, which are whole without it: the same place lights up in every chart and table when it is pointed at.
"use strict";

const lit = (key) => {
  for (const old of document.querySelectorAll(".siss-lit")) old.classList.remove("siss-lit");
  for (const chart of document.querySelectorAll(".siss-chart")) {
    const found = key === null ? [] : [...chart.querySelectorAll(".siss-mark")].filter((mark) => mark.dataset.k === key);
    for (const mark of found) mark.classList.add("siss-lit");
    chart.classList.toggle("siss-chart-on", found.length > 0);
  }
  if (key === null) return;
  for (const row of document.querySelectorAll("tr[data-k]")) if (row.dataset.k === key) row.classList.add("siss-lit");
};

for (const panels of document.querySelectorAll(".siss-panels")) {
  panels.addEventListener("pointerover", (event) => {
    const mark = event.target.closest(".siss-mark, tr[data-k]");
    lit(mark ? mark.dataset.k : null);
  });
  panels.addEventListener("pointerleave", () => lit(null));
}
