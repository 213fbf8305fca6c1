// How numbers, intervals and elements are written by the scripts of a page: quantities.py, in the browser.
const shown = (() => {
  const MINUS = "\u2212", GAP = "\u00a0";

  // An element with its attributes and children; texts are never markup.
  const make = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const zero = (text) => !/[1-9]/.test(text.split("e")[0]);
  const grouped = (value, digits) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const plain = (quantity, stored) => {
    const value = stored * quantity.scale, size = Math.abs(value);
    let text;
    if (quantity.digits !== null) text = grouped(value, quantity.digits);
    else if (Number.isInteger(value) && size < 1e6) text = grouped(value, 0);
    else if (size >= 1e-3 && size < 1e6) text = grouped(value, Math.max(0, 2 - Math.floor(Math.log10(size))));
    else text = value.toExponential(2).replace(/e([+-])(\d)$/, "e$10$2");
    text = zero(text) ? text.replace(/^-/, "") : text;
    return text.replace(/^-/, MINUS);
  };
  const withUnit = (text, unit) => (unit ? text + (unit.startsWith("/") ? "" : GAP) + unit : text);
  const value = (quantity, stored, unit = true) => withUnit(plain(quantity, stored), unit ? quantity.unit : "");
  const difference = (quantity, stored, unit = true) => {
    const text = plain(quantity, Math.abs(stored));
    const sign = zero(text) ? "" : stored < 0 ? MINUS : "+";
    return withUnit(sign + text, unit ? quantity.differenceUnit : "");
  };
  const digits = (number) => (Math.abs(number) >= 1e-3 || number === 0 ? String(+number.toPrecision(4)) : number.toExponential(3)).replace("-", MINUS);
  const p = (chance) => (chance === null ? "–" : chance < 0.0005 ? "< 0.001" : chance.toFixed(3));

  // Mean and, small beside it, the interval of an estimate.
  const interval = (one, write) => {
    if (!one) return ["–"];
    const ends = one.low === null ? [] : [" ", make("small", {}, `${write(one.low)} to ${write(one.high)}`)];
    return [write(one.mean), ...ends];
  };

  // Where values lie, in percent of the width between the ends of all `numbers`.
  const scaleOf = (numbers) => {
    const known = numbers.filter((number) => number !== null && Number.isFinite(number));
    const low = Math.min(...known), span = Math.max(...known) - low || 1;
    return (number) => `${2 + (96 * (number - low)) / span}%`;
  };
  // An interval as a picture: lines at `marks`, a dot a seed, a bar from end to end.
  const bar = (place, { low, high, mean }, seeds, marks) => {
    const made = make("div", { class: "forest", "aria-hidden": "true" });
    const put = (name, at) => {
      const one = made.appendChild(make("i", { class: name }));
      one.style.left = place(at);
      return one;
    };
    for (const mark of marks) put(mark === 0 ? "zero" : "margin", mark);
    if (low !== null) put("reach", low).style.right = `calc(100% - ${place(high)})`;
    for (const seed of seeds) put("seed", seed);
    put("mean", mean);
    return made;
  };

  // What stands behind the # of an address: `name?key=value&...`, as pairs; null if it is of something else.
  const view = (name) => {
    const [head, query] = location.hash.slice(1).split("?");
    return head === name ? new URLSearchParams(query ?? "") : null;
  };
  const viewLink = (name, pairs) => `#${name}?${new URLSearchParams(pairs)}`;

  return { make, value, difference, digits, p, interval, scaleOf, bar, view, viewLink,
    carried: () => JSON.parse(document.getElementById("carried").textContent) };
})();
