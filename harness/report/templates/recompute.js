// The section of a study page in which its verdicts are computed anew. The address says what is looked at.
(() => {
  const section = document.getElementById("recompute");
  if (!section) return;
  const { make, bar, scaleOf, interval, digits } = shown;
  const data = shown.carried();
  const part = (name) => section.querySelector(`[data-part="${name}"]`);
  const [what, context, control] = ["what", "context", "control"].map(part);
  const contexts = [...new Set(data.arms.map((arm) => arm.context))];
  const levels = [...new Set(data.arms.map((arm) => arm.level))];
  const several = contexts.length > 1;
  let margins = [], open = 0;

  const option = (value, text = value) => make("option", { value }, text);
  const group = (label, options) => (options.length ? [make("optgroup", { label }, ...options)] : []);
  what.append(
    ...group("Levels", Object.entries(data.metrics).map(([name, one]) => option(`levels:${name}`, one.label))),
    ...group("Claims", data.claims.map((claim) => option(`claim:${claim.id}`, claim.words))),
  );
  context.append(option("", "every context"), ...contexts.map((name) => option(name)));
  control.append(...levels.map((name) => option(name)));
  part("in").hidden = !several;
  const boxes = data.seeds.map((seed) => {
    const box = make("input", { type: "checkbox", value: seed });
    part("seeds").append(make("label", {}, box, ` ${seed}`));
    return box;
  });
  const dropped = () => boxes.filter((box) => !box.checked).map((box) => Number(box.value));
  const chosen = () => {
    const [kind, ...name] = what.value.split(":");
    return { kind, name: name.join(":"), claim: data.claims.find((claim) => claim.id === name.join(":")) };
  };

  const levelRows = (metric) => statistics.compareLevels(data, metric, control.value, dropped())
    .filter((row) => !context.value || data.arms[row.arm].context === context.value)
    .map((row) => ({ ...row, metric, verdict: row.reason ? `not testable: ${row.reason}` : row.standing, look: row.standing,
      name: data.arms[row.arm].level + (several && !context.value ? ` (${data.arms[row.arm].context})` : ""), marks: [0] }));
  // A bare number gets the factor's name.
  const named = (level) => (typeof level === "string" && level !== "" && !Number.isNaN(Number(level)) ? `${data.factor.replaceAll("_", " ")} ${level}` : level);
  const comparisonName = (one) => `${named(one.level)} against ${named(one.against)}${several ? `, ${one.context}` : ""}${one.more_than ? ` less ${one.more_than}` : ""}`;
  const marksOf = ({ direction, margin }) => {
    if (direction === "equal") return [-margin, 0, margin];
    return [0, direction.endsWith("higher") ? margin : -margin];
  };
  const changed = (claim) => ({ ...claim, comparisons: claim.comparisons.map((one, at) => ({ ...one, margin: margins[at] ?? one.margin })) });
  const claimRows = (claim) => {
    const { judged, verdict } = verdicts.judgeClaim(data, changed(claim), dropped());
    const rows = judged.map((one) => ({ ...one, metric: one.comparison.metric, name: comparisonName(one.comparison), marks: marksOf(one.comparison),
      verdict: one.reason ? `${one.verdict}: ${one.reason}` : one.verdict, look: one.verdict.replaceAll(" ", "-") }));
    return { rows, verdict };
  };

  const marginInput = (row, at) => {
    const quantity = data.metrics[row.metric], scale = quantity?.scale ?? 1;
    const input = make("input", { type: "number", min: 0, step: "any", value: +(row.comparison.margin * scale).toPrecision(6), "aria-label": `Margin of ${row.name}` });
    input.addEventListener("change", () => {
      if (input.value !== "" && Number(input.value) >= 0) margins[at] = Number(input.value) / scale;
      draw();
    });
    return make("td", {}, input, ` ${quantity?.differenceUnit ?? ""}`);
  };
  const tableRow = (row, at, claim, place, rows) => {
    const quantity = data.metrics[row.metric], write = (number) => shown.difference(quantity, number, false);
    const picture = row.estimate ? bar(place(row.metric), row.estimate, row.found.values, row.marks) : "";
    const steps = make("button", { type: "button", "aria-pressed": String(at === open) }, "steps");
    steps.addEventListener("click", () => { open = at; draw(); });
    return make("tr", {},
      make("th", { scope: "row" }, row.name), ...(claim ? [make("td", { class: "text" }, `${row.comparison.direction}, ${quantity?.label ?? row.metric}`), marginInput(row, at)] : []),
      make("td", { class: "picture" }, picture),
      make("td", {}, ...interval(row.estimate, write)), ...(claim ? [] : [make("td", {}, shown.p(row.adjusted))]),
      make("td", { class: "text wide" }, make("span", { class: row.look === "unresolved" || row.look === "suggestive" ? "undecided" : row.look }, row.verdict)),
      make("td", {}, row.estimate && rows > 1 ? steps : ""));
  };
  // The numbers in printed units: a variance in their square.
  const stepsOf = (row) => {
    const one = row.estimate, list = [], say = (name, text) => list.push(make("div", {}, make("dt", {}, name), make("dd", {}, text)));
    const { scale, paired, differenceUnit } = data.metrics[row.metric];
    const sized = (number) => digits(number * scale), square = (number) => digits(number * scale ** 2);
    const freedom = (number) => `${number === null ? "as many as all have" : digits(number)} degrees of freedom`;
    row.found.seeds.forEach((seed, at) => say(`seed ${seed}`, sized(row.found.values[at])));
    say("mean", shown.difference({ ...data.metrics[row.metric], digits: null }, one.mean, differenceUnit !== ""));
    if (one.shares) say("interval", "exact, from the counts of runs (Santner and Snell; Clopper and Pearson)");
    else if (one.spread) say(paired ? "s², of these seeds' differences" : "s², of both arms' seeds", `${square(one.spread.variance)}, ${freedom(one.spread.freedom)}`);
    if (one.moderated) {
      const { prior } = one;
      say("s₀², the grid's", prior ? `${square(prior.variance)}, ${freedom(prior.freedom)}, from ${prior.count} contrasts` : "none: too few contrasts");
      say("moderated variance", `${square(one.moderated.variance)}, ${freedom(one.moderated.freedom)}`);
      say("standard error", `√(${square(one.moderated.variance)} / ${one.count}) = ${sized(one.error)}`);
      say("t, 97.5 %", digits(one.quantile));
      say("interval", `${sized(one.mean)} ± ${digits(one.quantile)} × ${sized(one.error)}: ${sized(one.low)} to ${sized(one.high)}`);
    } else if (one.low !== null) say("interval", `${sized(one.low)} to ${sized(one.high)}`);
    if ((row.p ?? null) !== null) say("p", `${digits(row.p)}; adjusted over the study ${digits(row.adjusted)}`);
    if (row.chances) for (const [name, chance] of Object.entries(row.chances)) say(`p, ${name === "small" ? "too small" : name}`, `${digits(chance)}${chance <= statistics.ALPHA ? ": sure" : ""}`);
    return list;
  };
  const outcome = (claim, verdict, rows) => {
    const without = dropped().length ? `without seed ${dropped().join(", ")}` : "with every seed";
    if (!claim) return `${rows.filter((row) => row.standing === "better" || row.standing === "worse" || row.standing === "different").length} of ${rows.length} differ for sure, ${without}.`;
    return `${verdict[0].toUpperCase()}${verdict.slice(1)}, ${without}${verdict === claim.verdict ? ", as the page says" : `; the page says ${claim.verdict}`}.`;
  };
  const remember = (claim) => {
    const pairs = { what: what.value };
    if (!claim) Object.assign(pairs, { context: context.value, control: control.value });
    else if (margins.length) pairs.margins = claim.comparisons.map((one, at) => margins[at] ?? one.margin).join(",");
    if (dropped().length) pairs.without = dropped().join(",");
    part("link").href = shown.viewLink("recompute", pairs);
  };

  const draw = () => {
    const { name, claim } = chosen();
    for (const label of section.querySelectorAll(".of-levels")) label.hidden = Boolean(claim) || (label === part("in") && !several);
    const { rows, verdict } = claim ? claimRows(claim) : { rows: levelRows(name) };
    open = Math.min(open, Math.max(rows.length - 1, 0));
    const scales = {};
    const place = (metric) => (scales[metric] ??= scaleOf(rows.filter((row) => row.metric === metric && row.estimate)
      .flatMap((row) => [row.estimate.low, row.estimate.high, row.estimate.mean, ...row.found.values, ...row.marks])));
    const heads = ["", ...(claim ? ["expected", "margin"] : []), "seeds, mean and interval", "difference, 95 % interval", ...(claim ? [] : ["adjusted p"]), claim ? "verdict" : "standing", ""];
    part("head").replaceChildren(...heads.map((text) => (text ? make("th", { scope: "col", class: ["expected", "verdict", "standing"].includes(text) ? "text" : null }, text) : make("td"))));
    part("rows").replaceChildren(...rows.map((row, at) => tableRow(row, at, claim, place, rows.length)));
    part("outcome").textContent = outcome(claim, verdict, rows);
    part("steps").replaceChildren(...(rows[open]?.estimate ? stepsOf(rows[open]) : []));
    part("of").textContent = rows[open]?.estimate ? `${rows[open].name}, step by step` : "";
    remember(claim);
  };
  const restore = () => {
    const view = shown.view("recompute");
    const has = (select, value) => [...select.options].some((one) => one.value === value);
    what.value = has(what, view?.get("what")) ? view.get("what") : what.options[0].value;
    context.value = has(context, view?.get("context")) ? view.get("context") : "";
    control.value = has(control, view?.get("control")) ? view.get("control") : data.control;
    margins = (view?.get("margins") ?? "").split(",").filter((text) => text !== "" && Number(text) >= 0).map(Number);
    const without = (view?.get("without") ?? "").split(",");
    boxes.forEach((box) => { box.checked = !without.includes(box.value); });
    open = 0;
    section.hidden = false;
    draw();
    if (view) section.scrollIntoView();
  };
  for (const select of [what, context, control]) select.addEventListener("change", () => { margins = []; open = 0; draw(); });
  for (const box of boxes) {
    box.addEventListener("change", () => {
      if (!boxes.some((one) => one.checked)) box.checked = true;
      draw();
    });
  }
  addEventListener("hashchange", () => { if (shown.view("recompute")) restore(); });
  restore();
})();
