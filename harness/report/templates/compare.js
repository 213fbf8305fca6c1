// Two to six arms side by side: only the settings that differ, means with intervals, differences to the first. The
// address holds what was chosen. Without this script the page is a table of all arms.
(() => {
  const MOST = 6;
  const { make, bar, scaleOf, interval } = shown;
  const data = shown.carried(), section = document.getElementById("compare");
  const part = (name) => section.querySelector(`[data-part="${name}"]`);
  const nameOf = (arm) => [arm.study, arm.context, arm.level].map(encodeURIComponent).join("/");
  const places = new Map(data.arms.map((arm, at) => [nameOf(arm), at]));
  const settings = data.arms.map((arm) => ({ ...data.base, ...arm.settings }));
  const named = [...new Set(settings.flatMap(Object.keys))];
  let chosen = [];

  const boxes = [...document.querySelectorAll("tr[data-arm]")].map((row) => {
    const at = Number(row.dataset.arm), head = row.cells[0];
    const box = make("input", { type: "checkbox" });
    const label = make("label", {}, box, ...head.childNodes);
    head.append(label);
    box.addEventListener("change", () => choose(box.checked ? [...chosen, at] : chosen.filter((one) => one !== at)));
    return [at, box];
  });
  const choose = (arms) => {
    chosen = arms.slice(0, MOST);
    // Quietly: the address changes, the page stays where it is.
    history.replaceState(null, "", link());
    draw();
  };
  const link = () => (chosen.length ? shown.viewLink("compare", { arms: chosen.map((at) => nameOf(data.arms[at])).join(",") }) : "#compare");

  const title = (at) => {
    const arm = data.arms[at];
    const first = make("button", { type: "button", "aria-label": `Compare with ${arm.level}, ${arm.context}, ${arm.study}` }, "first");
    const out = make("button", { type: "button", "aria-label": `Take out ${arm.level}, ${arm.context}, ${arm.study}` }, "×");
    first.addEventListener("click", () => choose([at, ...chosen.filter((one) => one !== at)]));
    out.addEventListener("click", () => choose(chosen.filter((one) => one !== at)));
    const buttons = make("span", { class: "buttons" }, ...(at === chosen[0] ? [] : [first]), out);
    return make("th", { scope: "col" }, arm.level, make("br"), make("small", {}, `${data.titles[arm.study]} · ${arm.context}`), make("br"), buttons);
  };
  const row = (name, cells, look = null) => make("tr", { class: look }, make("th", { scope: "row" }, ...name), ...cells);
  const settingRows = () => named.filter((name) => new Set(chosen.map((at) => settings[at][name])).size > 1)
    .map((name) => row([name.replaceAll("_", " ")], chosen.map((at) => make("td", {}, settings[at][name] ?? "–"))));
  const same = (one, other) => named.every((name) => settings[one][name] === settings[other][name]);

  const meanOf = (metric, at) => {
    const terms = [{ sign: 1, arm: at }], found = statistics.contrast(data, metric, terms, []);
    return found && { ...statistics.estimated(data, metric, terms, []), name: statistics.mixed(statistics.runsOf(data, at, [])) ? "mixed" : "" };
  };
  const differenceOf = (metric, at) => statistics.estimated(data, metric, [{ sign: 1, arm: at }, { sign: -1, arm: chosen[0] }], []);
  const cell = (one, write, place, marks, more = []) => {
    if (!one?.estimate) return make("td", {}, one?.reason ? make("small", {}, one.reason) : "–");
    return make("td", {}, ...interval(one.estimate, write), ...more, bar(place, one.estimate, one.found.values, marks),
      ...(one.reason ? [make("small", { class: "why" }, one.reason)] : []));
  };
  const ends = (all) => all.filter((one) => one?.estimate).flatMap(({ estimate, found }) => [estimate.low, estimate.high, estimate.mean, ...found.values]);
  const metricRows = (metric) => {
    const quantity = data.metrics[metric];
    const means = chosen.map((at) => (quantity.values[at] ? meanOf(metric, at) : null));
    if (means.filter((one) => one?.estimate).length < 2) return [];
    const place = scaleOf(ends(means));
    const unit = quantity.unit && !quantity.unit.startsWith("/") ? [" ", make("small", {}, quantity.unit)] : [];
    const rows = [row([quantity.label, ...unit], means.map((one) => cell(one, (number) => shown.value(quantity, number, false), place, [])), "metric")];
    if (!means[0]?.estimate) return rows;
    const differences = chosen.map((at, column) => (column && means[column] && !same(at, chosen[0]) ? differenceOf(metric, at) : null));
    const across = scaleOf([0, ...ends(differences)]);
    const p = (one) => [make("br"), make("small", {}, `${one.estimate.low === null ? "" : `p ${shown.p(statistics.pValue(one.estimate))}, `}${one.found.values.length} seeds`)];
    const cells = differences.map((one, column) => {
      if (!column) return make("td", {}, make("small", {}, "compared with"));
      if (same(chosen[column], chosen[0])) return make("td", {}, make("small", {}, "the same settings, so the same runs"));
      return cell(one, (number) => shown.difference(quantity, number, false), across, [0], one?.estimate ? p(one) : []);
    });
    return [...rows, row([make("span", { class: "soft" }, "difference to the first")], cells)];
  };

  const draw = () => {
    for (const [at, box] of boxes) {
      box.checked = chosen.includes(at);
      box.disabled = !box.checked && chosen.length >= MOST;
    }
    const enough = chosen.length > 1;
    part("hint").textContent = enough ? "" : chosen.length ? "One more, and they stand side by side." : "Choose two to six arms in the table below.";
    part("view").hidden = !chosen.length;
    part("head").closest("table").style.minWidth = `${8 + 10.5 * chosen.length}rem`;
    part("link").href = link();
    part("head").replaceChildren(make("td"), ...chosen.map(title));
    const differ = settingRows();
    part("settings").replaceChildren(...(enough ? differ.length ? differ : [row(["no setting differs"], chosen.map(() => make("td")))] : []));
    part("results").replaceChildren(...(enough ? Object.keys(data.metrics).flatMap(metricRows) : []));
  };
  const restore = () => {
    const names = (shown.view("compare")?.get("arms") ?? "").split(",").filter(Boolean);
    chosen = [...new Set(names.map((name) => places.get(name)).filter((at) => at !== undefined))].slice(0, MOST);
    part("lost").textContent = names.length > chosen.length ? "Not every arm of this link is in this report." : "";
    draw();
    if (names.length) section.scrollIntoView();
  };
  addEventListener("hashchange", restore);
  section.hidden = false;
  restore();
})();
