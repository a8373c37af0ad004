// What script adds to a form that is whole without it: each answer is judged as soon as it is given, by the rules of the server.
"use strict";

const form = document.getElementById("compila");
const summary = document.getElementById("riepilogo");
if (form) {
  const touched = new Set();
  let running = null;

  async function judge() {
    running?.abort();
    running = new AbortController();
    const body = new FormData(form);
    // Documents are judged when the form is sent.
    for (const field of form.querySelectorAll('input[type="file"]')) body.delete(field.name);
    const answer = await fetch(form.dataset.check, { method: "POST", body, signal: running.signal, headers: { Accept: "application/json" } });
    return answer.ok ? answer.json() : null;
  }

  function show(findings, all) {
    const said = new Map();
    for (const one of findings) {
      if (!one.to) continue;
      said.set(one.to, [...(said.get(one.to) ?? []), one.message]);
    }
    for (const place of form.querySelectorAll("[data-wrong]")) {
      const id = place.dataset.wrong;
      const field = document.getElementById(id);
      if (!field || field.type === "file" || !(all || touched.has(id))) continue;
      const sentences = said.get(id) ?? [];
      place.textContent = sentences.join(" ");
      place.closest("[data-field]").classList.toggle("siss-answer-wrong", sentences.length > 0);
      if (sentences.length) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  }

  form.addEventListener("change", async (event) => {
    touched.add(event.target.id);
    try {
      const findings = await judge();
      if (findings) show(findings, false);
    } catch (error) {
      if (error.name !== "AbortError") console.warn(error);
    }
  });
  // A register with many rows: those that have what is typed in their name or code.
  for (const field of form.querySelectorAll("[data-search]")) {
    const list = document.getElementById(field.getAttribute("list"));
    let waiting = 0;
    let asking = null;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      const text = field.value.trim();
      if (text.length < 2 || [...list.options].some((option) => option.value === text)) return;
      waiting = setTimeout(async () => {
        asking?.abort();
        asking = new AbortController();
        const address = new URL(field.dataset.search, location.href);
        address.searchParams.set("campo", field.dataset.campo);
        address.searchParams.set("testo", text);
        try {
          const answer = await fetch(address, { signal: asking.signal, headers: { Accept: "application/json" } });
          if (!answer.ok) return;
          const { choices } = await answer.json();
          list.replaceChildren(...choices.map((one) => new Option(one.label ?? one.code, one.code)));
        } catch (error) {
          if (error.name !== "AbortError") console.warn(error);
        }
      }, 200);
    });
  }
  // The server's sentences, not the browser's: the same in every browser and in a bulk file.
  form.noValidate = true;
  if (!summary.hidden) summary.focus();
}
