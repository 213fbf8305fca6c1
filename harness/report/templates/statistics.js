// What harness/analysis does, on the runs that a page carries: contrasts, moderated t, Holm, verdicts. Names are the
// same as there; docs/statistics.md explains them. Without this script a page shows what Python has computed.
const statistics = (() => {
  const CONFIDENCE = 0.95, ALPHA = (1 - CONFIDENCE) / 2, CEILING = 0.999, ROUNDING = 1e-12, POINTS = 201;
  const UNFINISHED = 1, GUESSES = 2, COLLAPSED = 4, LEARNED = 8, CENSORED = 16; // bits of a run's state
  const KINDS = { 1: "level", 2: "difference", 4: "interaction" };
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const range = (count) => [...Array(count).keys()];

  // ln Gamma(x), x > 0 (Lanczos); the regularised incomplete beta function by its continued fraction (Lentz).
  const logGamma = (x) => {
    const terms = [57.1562356658629235, -59.5979603554754912, 14.1360979747417471, -0.491913816097620199,
      0.339946499848118887e-4, 0.465236289270485756e-4, -0.983744753048795646e-4, 0.158088703224912494e-3,
      -0.210264441724104883e-3, 0.21743961811521265e-3, -0.164318106536763890e-3, 0.844182239838527433e-4,
      -0.26190838401581408e-4, 0.368991826595316234e-5];
    const shifted = x + 5.24218750000000000;
    const series = terms.reduce((total, term, at) => total + term / (x + at + 1), 0.999999999999997092);
    return (x + 0.5) * Math.log(shifted) - shifted + Math.log((2.5066282746310005 * series) / x);
  };
  const fraction = (x, a, b) => {
    let c = 1, d = 1 / (1 - ((a + b) * x) / (a + 1)), result = d;
    for (let m = 1; m < 1000; m++) {
      const before = result;
      for (const term of [(m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
        (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))]) {
        d = 1 / (1 + term * d);
        c = 1 + term / c;
        result *= c * d;
      }
      if (Math.abs(result / before - 1) < 1e-15) break;
    }
    return result;
  };
  const beta = (x, a, b) => {
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x));
    return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(1 - x, b, a)) / b;
  };
  const studentCdf = (t, freedom) => {
    const tail = beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
    return t < 0 ? tail : 1 - tail;
  };
  // The root of a function that grows, between two ends.
  const root = (grows, low, high, steps = 100) => {
    for (let step = 0; step < steps; step++) {
      const middle = (low + high) / 2;
      if (grows(middle) < 0) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  const studentQuantile = (share, freedom) => {
    let high = 1;
    while (studentCdf(high, freedom) < share) high *= 2;
    return root((t) => studentCdf(t, freedom) - share, 0, high);
  };

  const holm = (chances) => {
    const known = chances.map((p, at) => [p, at]).filter(([p]) => p !== null).sort((a, b) => a[0] - b[0]);
    const adjusted = chances.map(() => null);
    let largest = 0;
    known.forEach(([p, at], rank) => {
      largest = Math.max(largest, Math.min(1, p * (known.length - rank)));
      adjusted[at] = largest;
    });
    return adjusted;
  };

  // Shares of runs: exact p-values (see shares.py); `against` null: one share, compared with `number`.
  const binomial = (hits, runs, share) => {
    let ways = 1;
    for (let at = 0; at < hits; at++) ways = (ways * (runs - at)) / (at + 1);
    return ways * share ** hits * (1 - share) ** (runs - hits);
  };
  const clip = (value, low, high) => Math.min(Math.max(value, low), high);
  const opposite = (one) => one.against
    ? { hits: one.against[0], runs: one.against[1], against: [one.hits, one.runs], number: 0 }
    : { hits: one.runs - one.hits, runs: one.runs, against: null, number: 1 - one.number };
  const shareAbove = ({ hits, runs, against, number }, bound) => {
    if (!against) {
      const share = clip(bound + number, 0, 1);
      return sum(range(runs + 1).filter((k) => k >= hits).map((k) => binomial(k, runs, share)));
    }
    bound = clip(bound, -1, 1);
    const [others, of] = against, seen = hits / runs - others / of;
    const least = Math.max(0, -bound), most = Math.min(1, 1 - bound);
    return Math.max(...range(POINTS).map((point) => {
      const second = least + ((most - least) * point) / (POINTS - 1), first = clip(second + bound, 0, 1);
      return sum(range(runs + 1).map((k) => binomial(k, runs, first) * sum(
        range(of + 1).filter((m) => k / runs - m / of >= seen - 1e-12).map((m) => binomial(m, of, second)))));
    }));
  };
  const shareLow = (one, alpha) => {
    const least = one.against ? -1 : -one.number;
    const mean = one.hits / one.runs - (one.against ? one.against[0] / one.against[1] : one.number);
    if (shareAbove(one, least + 1e-9) > alpha) return least;
    return root((bound) => shareAbove(one, bound) - alpha, least + 1e-9, mean, 40);
  };

  // One-sided p-values of an estimate, as in statistics.py.
  const negative = (one) => ({ ...one, mean: -one.mean, shares: one.shares && opposite(one.shares),
    low: one.high === null ? null : -one.high, high: one.low === null ? null : -one.low });
  const above = (one, bound, strictly = true) => {
    const looks = one.looks ?? 1;
    if (one.shares) return Math.min(1, looks * shareAbove(one.shares, bound));
    if (one.error === null) return 1;
    if (one.error === 0) return one.mean > bound || (one.mean === bound && !strictly) ? 0 : 1;
    return Math.min(1, looks * studentCdf((bound - one.mean) / one.error, one.freedom));
  };
  const below = (one, bound, strictly = true) => above(negative(one), -bound, strictly);
  const pValue = (one) => (one.low === null ? null : Math.min(1, 2 * Math.min(above(one, 0), below(one, 0))));

  // The runs of an arm that are kept, as bits.
  const runsOf = (data, arm, dropped) =>
    data.arms[arm].runs.filter((state, at) => state !== null && !dropped.includes(data.seeds[at]));
  const count = (runs, bit) => runs.filter((state) => state & bit).length;
  const mixed = (runs) => count(runs, COLLAPSED) > 0 && count(runs, LEARNED) > 0;
  const valuesOf = (data, metric, arm, dropped) => {
    const values = data.metrics[metric].values[arm];
    return data.seeds.map((seed, at) => (!values || dropped.includes(seed) ? null : values[at]));
  };

  const spreads = (parts, hidden) => {
    const n = parts[0].length;
    if (n < 2) return [null, null];
    const largest = Math.max(...parts.flat().map(Math.abs));
    const still = (value) => (Math.abs(value) <= ROUNDING * largest ? 0 : value);
    const centred = parts.map((part) => part.map((value) => still(value - sum(part) / n)));
    const each = centred.map((part) => sum(part.map((value) => value * value)) / (n - 1));
    const sums = range(n).map((at) => still(sum(centred.map((part) => part[at]))));
    const total = sum(each), squares = sum(each.map((one) => one * one));
    return [
      { variance: Math.max(sum(sums.map((value) => value * value)) / (n - 1), hidden), freedom: n - 1 },
      { variance: Math.max(total, hidden), freedom: total > 0 ? ((n - 1) * total ** 2) / squares : n - 1 },
    ];
  };
  const hiddenBySteps = (data, shown, terms) => {
    if (!shown.step) return 0;
    return sum(terms.map(({ arm }) => (shown.step === "evaluation" ? data.arms[arm].evaluateEvery ?? 1 : shown.step) ** 2)) / 12;
  };
  // Signed sums by seed with what is known of how they scatter; null if no seed has all of them.
  const contrast = (data, metric, terms, dropped, number = 0) => {
    const shown = data.metrics[metric];
    const all = terms.map(({ sign, arm }) => valuesOf(data, metric, arm, dropped).map((v) => (v === null ? null : sign * v)));
    const kept = range(data.seeds.length).filter((at) => all.every((part) => part[at] !== null));
    if (!kept.length) return null;
    const parts = all.map((part) => kept.map((at) => part[at]));
    const [paired, unpaired] = spreads(parts, hiddenBySteps(data, shown, terms));
    const values = kept.map((_, at) => sum(parts.map((part) => part[at])) - number);
    const bound = shown.unfinished === "bound";
    const censored = terms.filter(({ arm }) => bound && count(runsOf(data, arm, dropped), CENSORED));
    const most = (arm) => (bound && data.arms[arm].epochs !== null ? data.arms[arm].epochs + 1 : shown.most ?? Infinity);
    const ends = terms.map(({ sign, arm }) => [sign * (shown.least ?? -Infinity), sign * most(arm)].sort((a, b) => a - b));
    const hits = parts.map((part) => Math.round(Math.abs(sum(part))));
    const counted = shown.kind === "event" && (terms.length === 1 || (terms.length === 2 && !number));
    return {
      values, paired, unpaired, seeds: kept.map((at) => data.seeds[at]),
      mean: values.every((value) => value === values[0]) ? values[0] : sum(values) / values.length,
      least: sum(ends.map((end) => end[0])) - number, most: sum(ends.map((end) => end[1])) - number,
      floor: censored.every(({ sign }) => sign > 0), ceiling: censored.every(({ sign }) => sign < 0),
      shares: counted
        ? { hits: hits[0], runs: kept.length, against: terms.length === 2 ? [hits[1], kept.length] : null, number }
        : null,
    };
  };
  const shrink = ({ variance, freedom }, prior) => {
    if (!prior) return { variance, freedom };
    if (prior.freedom === null) return { variance: prior.variance, freedom: prior.pooled };
    const total = prior.freedom + freedom;
    return { variance: (prior.freedom * prior.variance + freedom * variance) / total, freedom: Math.min(total, prior.pooled) };
  };
  // The estimate of a contrast with the steps that lead to it.
  const estimate = (data, metric, found, kind) => {
    const shown = data.metrics[metric], n = found.values.length, prior = shown.priors[kind] ?? null;
    const spread = shown.paired ? found.paired : found.unpaired;
    const bare = { mean: found.mean, low: null, high: null, count: n, error: null, freedom: null, shares: null, spread, prior,
      looks: shown.looks };
    if (shown.exact && n > 1 && spread && spread.variance === 0) {
      return { ...bare, low: found.mean, high: found.mean, error: 0, freedom: n - 1 };
    }
    if (found.shares) return { ...bare, low: shareLow(found.shares, ALPHA / shown.looks), high: -shareLow(opposite(found.shares), ALPHA / shown.looks), shares: found.shares };
    const moderated = spread && shrink(spread, prior);
    if (!moderated || moderated.variance === 0) return bare;
    const error = Math.sqrt(moderated.variance / n), quantile = studentQuantile(1 - ALPHA / shown.looks, moderated.freedom);
    return { ...bare, error, freedom: moderated.freedom, moderated, quantile,
      low: Math.max(found.mean - quantile * error, found.least), high: Math.min(found.mean + quantile * error, found.most) };
  };

  const mixture = (runs) =>
    `${count(runs, COLLAPSED)} of ${runs.length} runs hardly learned, ${count(runs, LEARNED)} did`;
  // Why a contrast can't be tested, or null.
  const obstacle = (data, metric, terms, dropped) => {
    const shown = data.metrics[metric];
    if (shown.unfinished === "kept") return null;
    const states = terms.map(({ arm }) => [data.arms[arm].level, runsOf(data, arm, dropped), arm]).filter(([, runs]) => runs.length);
    for (const [level, runs] of states) {
      if (shown.unfinished === "lost" && count(runs, UNFINISHED)) {
        return `${count(runs, UNFINISHED)} of ${runs.length} runs of ${level} did not finish, and have no ${shown.label}`;
      }
    }
    if (states.length > 1 && shown.better) {
      const names = [...new Set(states.map(([level]) => level))].join(" and ");
      if (states.every(([, runs]) => count(runs, GUESSES) === runs.length)) return `every run of ${names} ended at chance`;
      if (shown.unfinished === "bound" && states.every(([, runs]) => count(runs, CENSORED) === runs.length)) {
        return `no run of ${names} reached the target`;
      }
      const reached = states.flatMap(([, , arm]) => valuesOf(data, metric, arm, dropped)).filter((value) => value !== null);
      if (shown.unfinished === "guess" && reached.length && Math.min(...reached) >= CEILING) {
        return `every run of ${names} is right on at least 99.9% of the pictures`;
      }
    }
    const one = states.find(([, runs]) => mixed(runs));
    return one ? `of ${one[0]} ${mixture(one[1])}, which no mean describes` : null;
  };

  // A contrast with its estimate; what can't be tested keeps its mean alone.
  const estimated = (data, metric, terms, dropped) => {
    const found = contrast(data, metric, terms, dropped), reason = obstacle(data, metric, terms, dropped);
    const lost = data.metrics[metric].unfinished === "lost" && terms.some(({ arm }) => count(runsOf(data, arm, dropped), UNFINISHED));
    if (!found || lost) return { found, reason, estimate: null };
    const one = estimate(data, metric, found, KINDS[terms.length]);
    const bare = { low: null, high: null, error: null, freedom: null, shares: null };
    return { found, reason, estimate: reason ? { ...one, ...bare } : one };
  };
  const standing = (shown, difference, p, adjusted) => {
    if (!difference || p === null || adjusted === null || p >= 2 * ALPHA) return "unresolved";
    if (adjusted >= 2 * ALPHA) return "suggestive";
    if (!shown.better) return "different";
    return difference.mean > 0 === (shown.better === "higher") ? "better" : "worse";
  };
  const armOf = (data, context, level) => data.arms.findIndex((arm) => arm.context === context && arm.level === level);
  // Every level of every context against a control, p-values adjusted over all of them.
  const compareLevels = (data, metric, control, dropped = []) => {
    const rows = data.arms.map((arm, at) => {
      const other = armOf(data, arm.context, control);
      if (!runsOf(data, at, dropped).length || other < 0 || at === other) return null;
      const one = estimated(data, metric, [{ sign: 1, arm: at }, { sign: -1, arm: other }], dropped);
      return { arm: at, other, ...one, p: one.estimate ? pValue(one.estimate) : null };
    }).filter(Boolean);
    const adjusted = holm(rows.map((row) => row.p));
    return rows.map((row, at) => ({ ...row, adjusted: adjusted[at],
      standing: standing(data.metrics[metric], row.estimate, row.p, adjusted[at]) }));
  };

  return { ALPHA, KINDS, UNFINISHED, above, below, negative, holm, pValue, studentCdf, studentQuantile, contrast, estimate, estimated,
    obstacle, mixed, mixture, runsOf, valuesOf, armOf, compareLevels };
})();
