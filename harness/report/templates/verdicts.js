// Judges claims and levels anew from the runs that the page carries: without a seed, by another margin, against another
// level. Without this script the section is not shown, and the page says what Python has computed.
const verdicts = (() => {
  const { ALPHA, above, below, negative, holm, contrast, estimate, obstacle, runsOf, valuesOf, armOf, KINDS } = statistics;

  // The arms of a comparison with their signs; null if there are no runs of one of them.
  const termsOf = (data, one) => {
    const contexts = [[1, one.context], ...(one.more_than ? [[-1, one.more_than]] : [])];
    const levels = [[1, one.level], ...(typeof one.against === "string" ? [[-1, one.against]] : [])];
    const terms = contexts.flatMap(([sign, context]) =>
      levels.map(([other, level]) => ({ sign: sign * other, arm: armOf(data, context, String(level)) })));
    return terms.every(({ arm }) => arm >= 0) ? terms : null;
  };
  const numberOf = (one) => (typeof one.against === "string" || one.more_than ? 0 : one.against);

  // The p-values of what a comparison can turn out to be; `floor` and `ceiling` as in verdicts.py.
  const chancesOf = (one, difference, floor = true, ceiling = true) => {
    const margin = one.margin;
    if (one.direction === "lower" || one.direction === "not lower") {
      [difference, floor, ceiling] = [negative(difference), ceiling, floor];
    }
    const over = (bound, strictly) => (floor ? above(difference, bound, strictly) : 1);
    const under = (bound, strictly) => (ceiling ? below(difference, bound, strictly) : 1);
    const within = Math.max(over(-margin, false), under(margin, false));
    if (one.direction === "equal") return { supported: within, contradicted: Math.min(over(margin), under(-margin)), small: 1 };
    if (one.direction.startsWith("not ")) return { supported: under(margin, false), contradicted: over(margin), small: 1 };
    return { supported: over(margin, margin === 0), contradicted: under(0), small: margin ? within : 1 };
  };
  const surely = (chances) => ["supported", "contradicted", "small"].find((name) => chances[name] <= ALPHA) ?? "open";
  const NAMES = { supported: "supported", contradicted: "contradicted", small: "too small to matter", open: "open" };

  const lacks = (data, one, terms, dropped) => {
    const shown = data.metrics[one.metric];
    if (!terms || terms.some(({ arm }) => !runsOf(data, arm, dropped).length)) return "not measured: there are no such runs";
    if (!shown) return `not measured: no run has ${one.metric}`;
    for (const { arm } of terms) {
      if (shown.unfinished === "bound" && data.arms[arm].guessed) return "guessing reaches the target accuracy";
      const lost = shown.unfinished === "lost" && statistics.runsOf(data, arm, dropped).some((run) => run & statistics.UNFINISHED);
      if (!lost && valuesOf(data, one.metric, arm, dropped).every((value) => value === null)) {
        return `not measured: the runs of ${data.arms[arm].level} have no ${shown.label}`;
      }
    }
    return null;
  };
  const untestable = (one, reason) => ({ comparison: one, verdict: "not testable here", reason, estimate: null, found: null, chances: null });
  const found = (data, one, terms, dropped) => contrast(data, one.metric, terms, dropped, numberOf(one));

  const judge = (data, one, dropped) => {
    const terms = termsOf(data, one);
    const reason = lacks(data, one, terms, dropped) ?? obstacle(data, one.metric, terms, dropped);
    const sums = reason ? null : found(data, one, terms, dropped);
    if (!sums) return untestable(one, reason ?? "the two levels share no seed");
    const difference = estimate(data, one.metric, sums, KINDS[terms.length]);
    const chances = difference.low === null ? null : chancesOf(one, difference, sums.floor, sums.ceiling);
    return { comparison: one, verdict: "open", reason: chances ? null : "no interval", estimate: difference, found: sums, chances };
  };
  // Where a comparison is meant for was seen, on average over the seeds.
  const holds = (data, one, dropped) => {
    const terms = termsOf(data, one), sums = lacks(data, one, terms, dropped) ? null : found(data, one, terms, dropped);
    const fixed = sums && { mean: sums.mean, low: sums.mean, high: sums.mean, error: 0, freedom: 1, shares: null };
    return Boolean(fixed) && chancesOf(one, fixed).supported === 0;
  };
  const check = (data, one, dropped) => {
    const terms = termsOf(data, one), reason = lacks(data, one, terms, dropped);
    const sums = reason ? null : found(data, one, terms, dropped);
    if (!sums) return untestable(one, reason ?? "the two levels share no seed");
    const agree = sums.values.filter((value) => chancesOf(one, { mean: value, low: value, high: value, error: 0, freedom: 1, shares: null }).supported === 0);
    return { comparison: one, verdict: agree.length === sums.values.length ? "holds" : "fails", reason: null, found: sums, chances: null,
      estimate: { mean: sums.mean, low: null, high: null, count: sums.values.length } };
  };
  // The verdict on a claim and on each of its comparisons, as judge_claim has it.
  const judgeClaim = (data, claim, dropped = []) => {
    const judged = claim.comparisons.map((one) => {
      if (one.given && !holds(data, one.given, dropped)) return untestable(one, "this is not where the claim is meant to hold");
      return (claim.check ? check : judge)(data, one, dropped);
    });
    if (claim.check) return { judged, verdict: ["fails", "not testable here", "holds"].find((name) => judged.some((one) => one.verdict === name)) };
    const tested = judged.filter((one) => one.chances);
    if (!tested.length) return { judged, verdict: judged.some((one) => one.verdict === "open") ? "open" : "not testable here" };
    const columns = ["supported", "contradicted", "small"].map((name) => [name, holm(tested.map((one) => one.chances[name]))]);
    let several = tested.map((_, at) => NAMES[surely(Object.fromEntries(columns.map(([name, p]) => [name, p[at]])))]);
    const complete = judged.every((one) => one.chances || one.verdict === "not testable here");
    const all = (name) => complete && tested.every((one) => one.chances[name] <= ALPHA);
    const has = (...names) => names.some((name) => several.includes(name));
    let verdict = has("contradicted") ? "contradicted" : "open";
    if (all("supported")) [verdict, several] = ["supported", tested.map(() => "supported")];
    else if (!has("contradicted") && all("small")) [verdict, several] = [NAMES.small, tested.map(() => NAMES.small)];
    else if (has("supported") && has("contradicted", NAMES.small)) verdict = "mixed";
    tested.forEach((one, at) => { one.verdict = several[at]; });
    return { judged, verdict };
  };
  return { judgeClaim };
})();
