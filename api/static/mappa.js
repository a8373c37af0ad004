// The finder's map with a pointer: drag, wheel and buttons move the view; a mark and its entry in the list light up together; the button
// "near me" asks the browser where it is, only when it is pressed. Without this file the page says the same.
(() => {
  const map = document.getElementById("mappa");
  if (map) {
    let [x, y, w, h] = map.getAttribute("viewBox").split(" ").map(Number);
    const start = [x, y, w, h];
    const show = () => map.setAttribute("viewBox", [x, y, w, h].join(" "));
    const zoom = (factor, cx = x + w / 2, cy = y + h / 2) => {
      const width = Math.min(Math.max(w * factor, 40), start[2] * 3);
      const f = width / w;
      x = cx - (cx - x) * f;
      y = cy - (cy - y) * f;
      w = width;
      h *= f;
      show();
    };
    const at = (event) => {
      const box = map.getBoundingClientRect();
      return [x + ((event.clientX - box.left) / box.width) * w, y + ((event.clientY - box.top) / box.height) * h];
    };
    map.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // The page scrolls as everywhere.
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, ...at(event));
    }, { passive: false });
    let from = null, moved = false;
    map.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse") { from = [event.clientX, event.clientY]; moved = false; }
    });
    map.addEventListener("pointermove", (event) => {
      if (!from) return;
      const box = map.getBoundingClientRect();
      const dx = event.clientX - from[0], dy = event.clientY - from[1];
      if (!moved && Math.hypot(dx, dy) < 4) return;
      moved = true;
      x -= (dx / box.width) * w;
      y -= (dy / box.height) * h;
      from = [event.clientX, event.clientY];
      show();
    });
    const drop = () => { from = null; };
    map.addEventListener("pointerup", drop);
    map.addEventListener("pointerleave", drop);
    map.addEventListener("dragstart", (event) => event.preventDefault());
    map.addEventListener("click", (event) => { if (moved) event.preventDefault(); }, true);
    const bar = document.createElement("div");
    bar.className = "siss-zoom";
    bar.dataset.script = "";
    const italian = document.documentElement.lang === "it";
    for (const [sign, name, act] of [
      ["+", italian ? "Ingrandisci la mappa" : "Zoom in", () => zoom(1 / 1.5)],
      ["−", italian ? "Riduci la mappa" : "Zoom out", () => zoom(1.5)],
      ["⌂", italian ? "Torna alla vista iniziale" : "Back to the first view", () => { [x, y, w, h] = start; show(); }],
    ]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = sign;
      button.setAttribute("aria-label", name);
      button.addEventListener("click", act);
      bar.append(button);
    }
    map.before(bar);
    const light = (node, on) => {
      document.querySelectorAll(`[data-k="${CSS.escape(node.dataset.k)}"]`).forEach((one) => one.classList.toggle("siss-lit", on));
    };
    document.querySelectorAll("#elenco > li, .siss-spot[data-k]").forEach((node) => {
      node.addEventListener("pointerenter", () => light(node, true));
      node.addEventListener("pointerleave", () => light(node, false));
    });
  }
  const here = document.getElementById("qui");
  if (here && navigator.geolocation) {
    here.hidden = false;
    here.addEventListener("click", () => {
      const text = here.textContent;
      here.textContent = here.dataset.wait;
      navigator.geolocation.getCurrentPosition((position) => {
        const address = new URL(location.href);
        // Three digits are a hundred metres: enough for what is near.
        address.searchParams.set("lat", position.coords.latitude.toFixed(3));
        address.searchParams.set("lon", position.coords.longitude.toFixed(3));
        for (const gone of ["q", "pagina"]) address.searchParams.delete(gone);
        location.assign(address);
      }, () => { here.textContent = here.dataset.fail; setTimeout(() => { here.textContent = text; }, 4000); });
    });
  }
})();
