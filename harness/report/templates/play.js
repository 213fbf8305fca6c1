// Figures that answer: what lies under the pointer, levels shown alone, parts hidden, a logarithmic axis, a closer look.
// Without this script they are stills; the tables say the same.
(() => {
  const { make, value, difference } = shown, data = shown.carried();
  const SVG = "http://www.w3.org/2000/svg", DECADES = 4;
  const charts = [...document.querySelectorAll("figure svg[data-live]")].map((svg) => {
    const figure = svg.closest("figure"), live = JSON.parse(svg.dataset.live);
    const context = figure.closest("[data-context]")?.dataset.context ?? "";
    const areas = live.areas.map(([level, own, left, top, width, height, series]) =>
      ({ level, context: own || context, left, top, width, height, series }));
    return { ...live, svg, figure, areas, box: svg.viewBox.baseVal, whole: svg.getAttribute("viewBox") };
  });
  const levels = [...new Set(charts.flatMap((chart) => chart.areas.map((area) => area.level)))];
  if (!levels.length) return;

  // Where an event is, in the figure's own points.
  const within = (chart, event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.svg.getScreenCTM().inverse());
  const areaAt = (chart, at) => chart.areas.find((area) =>
    at.x >= area.left && at.x <= area.left + area.width && at.y >= area.top && at.y <= area.top + area.height);

  // --- What is under the pointer ---
  const tip = document.body.appendChild(make("div", { class: "tip", "aria-hidden": "true", hidden: "" }));
  const armOf = (context, level) => data.arms.findIndex((arm) => arm.context === context && arm.level === level);
  // A row is a level's runs: every seed, and what it is away from the control's.
  const rowTip = (chart, area) => {
    const quantity = data.metrics[chart.metric], mine = quantity?.values[armOf(area.context, area.level)];
    if (!mine) return null;
    const control = area.level === data.control ? null : quantity.values[armOf(area.context, data.control)];
    const rows = data.seeds.flatMap((seed, at) => (mine[at] === null ? [] : [make("tr", {}, make("th", {}, `seed ${seed}`), make("td", {}, value(quantity, mine[at])),
      ...(control ? [make("td", {}, control[at] === null ? "–" : difference(quantity, mine[at] - control[at]))] : []))]));
    const head = control ? [make("tr", {}, make("td"), make("td", {}, quantity.label), make("td", {}, `against ${data.control}`))] : [];
    return [make("b", {}, area.level), make("table", {}, ...head, ...rows)];
  };
  // A panel is a level's lines: their values where the pointer is nearest.
  const panelTip = (chart, area, at) => {
    const points = area.series.flatMap(([part, xs, ys]) => xs.map((x, one) => ({ part, x, y: ys[one] })));
    if (!points.length) return null;
    const ends = chart.ends ??= chart.areas.flatMap((each) => each.series.flatMap(([, xs]) => xs));
    const low = Math.min(...ends), high = Math.max(...ends), log = low > 0 && high / low > 20;
    const place = (x) => (log ? Math.log(x / low) / Math.log(high / low) : (x - low) / (high - low || 1));
    const pointed = (at.x - area.left) / area.width;
    const x = points.reduce((best, one) => (Math.abs(place(one.x) - pointed) < Math.abs(place(best.x) - pointed) ? one : best)).x;
    const hidden = new Set(chart.hidden ?? []);
    const rows = points.filter((one) => one.x === x && !hidden.has(one.part)).map((one) =>
      make("tr", {}, make("th", {}, one.part || chart.words[1]), make("td", {}, shown.digits(one.y))));
    return [make("b", {}, area.level), make("div", {}, `${chart.words[0]} ${shown.digits(x)}${rows.length && points[0].part ? `, ${chart.words[1]}` : ""}`), make("table", {}, ...rows)];
  };
  const point = (chart, event) => {
    const at = within(chart, event), area = areaAt(chart, at);
    const said = area && (chart.metric ? rowTip(chart, area) : panelTip(chart, area, at));
    tip.hidden = !said;
    if (!said) return;
    tip.replaceChildren(...said);
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${event.clientY + 18 + height < innerHeight ? event.clientY + 18 : Math.max(4, event.clientY - height - 12)}px`;
    (chart.svg.closest("dialog") ?? document.body).append(tip); // an open dialog lies above all else
  };

  // --- Levels shown alone, in all figures and tables ---
  let alone = []; // none: all are shown
  const bar = document.body.appendChild(make("div", { class: "alone", role: "region", "aria-label": "Levels shown", hidden: "" }));
  const draw = () => {
    const off = (level) => alone.length > 0 && !alone.includes(level);
    for (const chart of charts) {
      for (const veil of chart.svg.querySelectorAll(".veil")) veil.remove();
      for (const { level, left, top, width, height } of chart.areas.filter((area) => off(area.level))) {
        const veil = chart.svg.appendChild(document.createElementNS(SVG, "rect"));
        veil.setAttribute("class", "veil");
        const room = chart.metric ? 0 : 2; // a line is as wide at the edge of its panel
        const sides = { x: left - room, y: top - room, width: width + 2 * room, height: height + 2 * room };
        for (const [name, size] of Object.entries(sides)) veil.setAttribute(name, size);
      }
    }
    for (const row of document.querySelectorAll("tr[data-level]")) row.classList.toggle("off", off(row.dataset.level));
    for (const box of document.querySelectorAll("[data-alone]")) box.checked = !off(box.dataset.alone);
    bar.hidden = !alone.length;
    const all = make("button", { type: "button" }, "Show all");
    all.addEventListener("click", () => only([]));
    const link = shown.viewLink("levels", alone.map((level) => ["only", level]));
    bar.replaceChildren(make("span", {}, "Only ", make("b", {}, alone.join(", "))), all, make("a", { href: link }, "Link to this view"));
  };
  const only = (wanted) => {
    alone = wanted.length === levels.length ? [] : levels.filter((level) => wanted.includes(level));
    draw();
  };
  const toggle = (level) => only(!alone.length ? [level] : alone.includes(level) ? alone.filter((one) => one !== level) : [...alone, level]);

  // --- A logarithmic axis: lines are placed anew, by their values; intervals, whose lower ends may be negative, are hidden ---
  const rescale = (chart, log) => {
    const [low, high] = chart.scale, height = (area, value, least) => area.top + area.height * (1 - Math.log(Math.max(value, least) / least) / Math.log(high / least));
    chart.svg.querySelectorAll(".logs").forEach((one) => one.remove());
    for (const one of chart.svg.querySelectorAll("[data-part=ticks]")) one.style.display = log ? "none" : "";
    const lows = chart.areas.flatMap((area) => area.series.flatMap(([, , ys]) => ys.filter((y) => y > 0)));
    const least = Math.max(Math.min(...lows), high / 10 ** DECADES) / 1.2;
    for (const path of chart.svg.querySelectorAll("[data-part]:not([data-part=ticks]) path")) {
      const d = (path.dataset.plain ??= path.getAttribute("d"));
      if (d.endsWith("z")) path.style.display = log ? "none" : "";
      else if (!log) path.setAttribute("d", d);
      else {
        const points = [...d.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]), [[x, y]] = points;
        const area = chart.areas.find((one) => x >= one.left - 1 && x <= one.left + one.width + 1 && y >= one.top - 1 && y <= one.top + one.height + 1);
        const { part } = path.closest("[data-part]").dataset;
        // What a line goes through, if it is of this level and whole; a thin one is the control's.
        const thin = parseFloat(getComputedStyle(path).strokeWidth) < 1;
        const of = thin ? chart.areas.find((one) => one.level === data.control) : area;
        const values = of?.series.find(([name]) => name === part)?.[2];
        const stored = points.map(([, at], one) => (values?.length === points.length ? values[one] : low + ((area.top + area.height - at) / area.height) * (high - low)));
        path.setAttribute("d", points.map(([at], one) => `${one ? "L" : "M"}${at} ${height(area, stored[one], least).toFixed(1)}`).join(""));
      }
    }
    if (!log) return;
    const first = Math.min(...chart.areas.map((area) => area.left));
    const group = chart.svg.insertBefore(document.createElementNS(SVG, "g"), chart.svg.firstChild);
    group.setAttribute("class", "logs");
    const digits = high / least > 30 ? [1] : [1, 3];
    for (const area of chart.areas) {
      for (let power = Math.floor(Math.log10(least)); 10 ** power <= high; power += 1) {
        for (const at of digits.map((digit) => digit * 10 ** power).filter((one) => one >= least && one <= high)) {
          const y = height(area, at, least);
          const line = group.appendChild(document.createElementNS(SVG, "path"));
          line.setAttribute("d", `M${area.left} ${y}h${area.width}`);
          if (area.left !== first) continue;
          const text = group.appendChild(document.createElementNS(SVG, "text"));
          text.setAttribute("x", area.left - 4);
          text.setAttribute("y", y + 3);
          text.textContent = String(+at.toPrecision(1));
        }
      }
    }
  };

  // --- A closer look: the figure in a dialog, where it can be moved and magnified ---
  const dialog = document.body.appendChild(make("dialog", { class: "closer" }));
  let looked = null, gap = null;
  // Shows what begins at a place and is so wide, as far as there is a figure.
  const frame = (x, y, wide) => {
    const [left, top, width, height] = looked.whole.split(" ").map(Number), tall = (wide * height) / width;
    const clamp = (least, most, at) => Math.min(most, Math.max(least, at));
    looked.svg.setAttribute("viewBox", [clamp(left, left + width - wide, x), clamp(top, top + height - tall, y), wide, tall].join(" "));
  };
  const shift = (x, y) => frame(looked.box.x + x, looked.box.y + y, looked.box.width);
  // What lies at (x, y) stays there.
  const zoom = (factor, x = looked.box.x + looked.box.width / 2, y = looked.box.y + looked.box.height / 2) => {
    const { box } = looked, width = Number(looked.whole.split(" ")[2]);
    const wide = Math.min(width, Math.max(width / 20, box.width / factor)), share = wide / box.width;
    frame(x - (x - box.x) * share, y - (y - box.y) * share, wide);
  };
  const closer = (chart) => {
    looked = chart;
    gap = document.createComment("");
    chart.svg.replaceWith(gap);
    const act = (text, words, todo) => {
      const button = make("button", { type: "button", "aria-label": words }, text);
      button.addEventListener("click", todo);
      return button;
    };
    const title = chart.figure.querySelector("h2, h3").textContent;
    dialog.setAttribute("aria-label", title);
    dialog.replaceChildren(
      make("div", { class: "tools" }, make("b", {}, title), act("+", "Larger", () => zoom(1.5)), act("\u2212", "Smaller", () => zoom(1 / 1.5)),
        act("Whole", "The whole figure", () => chart.svg.setAttribute("viewBox", chart.whole)), act("Close", "Close", () => dialog.close())),
      chart.svg);
    dialog.showModal();
  };
  dialog.addEventListener("close", () => {
    looked.svg.setAttribute("viewBox", looked.whole);
    gap.replaceWith(looked.svg);
    tip.hidden = true;
    looked = null;
  });
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "+") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (step) shift((step[0] * looked.box.width) / 10, (step[1] * looked.box.height) / 10);
    else return;
    event.preventDefault();
  });

  for (const chart of charts) {
    let from = null, moved = false;
    chart.svg.addEventListener("pointermove", (event) => {
      if (from && looked === chart) {
        const at = within(chart, event);
        if (Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > 4) moved = true;
        if (moved) shift(from.x - at.x, from.y - at.y);
      } else point(chart, event);
    });
    chart.svg.addEventListener("pointerdown", (event) => {
      const at = within(chart, event);
      [from, moved] = [{ x: at.x, y: at.y, clientX: event.clientX, clientY: event.clientY }, false];
    });
    for (const end of ["pointerup", "pointerleave", "pointercancel"]) chart.svg.addEventListener(end, () => { from = null; });
    chart.svg.addEventListener("pointerleave", () => { tip.hidden = true; });
    chart.svg.addEventListener("click", (event) => {
      const area = areaAt(chart, within(chart, event));
      if (area && !moved) toggle(area.level);
    });
    chart.svg.addEventListener("wheel", (event) => {
      if (looked !== chart) return;
      event.preventDefault();
      const at = within(chart, event);
      zoom(event.deltaY < 0 ? 1.25 : 0.8, at.x, at.y);
    }, { passive: false });
  }

  // --- Buttons above each figure ---
  for (const figure of new Set(charts.map((chart) => chart.figure))) {
    const mine = charts.filter((chart) => chart.figure === figure), [chart] = mine;
    const tools = make("div", { class: "tools" });
    const press = (text, pressed, todo) => {
      const button = tools.appendChild(make("button", { type: "button", "aria-pressed": String(pressed) }, text));
      button.addEventListener("click", () => {
        const now = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(now));
        todo(now);
      });
    };
    const parts = [...new Set(chart.areas.flatMap((area) => area.series.map(([part]) => part)))].filter(Boolean);
    for (const part of parts.length > 1 ? parts : []) {
      press(part, true, (on) => {
        chart.hidden = on ? chart.hidden.filter((one) => one !== part) : [...(chart.hidden ?? []), part];
        for (const ink of chart.svg.querySelectorAll(`[data-part="${CSS.escape(part)}"]`)) ink.style.display = on ? "" : "none";
      });
    }
    if (chart.scale) press("log axis", false, (on) => rescale(chart, on));
    const enlarge = tools.appendChild(make("button", { type: "button" }, "Enlarge"));
    enlarge.addEventListener("click", () => closer(mine.find((one) => one.svg.getClientRects().length) ?? chart));
    figure.querySelector("h2, h3").after(tools);
  }

  const chooser = document.querySelector("[data-part=levels]");
  for (const level of levels) {
    const box = make("input", { type: "checkbox", "data-alone": level, checked: "" });
    box.addEventListener("change", () => only(levels.filter((one) => (one === level ? box.checked : !alone.length || alone.includes(one)))));
    chooser.append(make("label", {}, box, ` ${level}`));
  }
  const restore = () => {
    const view = shown.view("levels");
    if (view) only(view.getAll("only"));
  };
  addEventListener("hashchange", restore);
  restore();
})();
