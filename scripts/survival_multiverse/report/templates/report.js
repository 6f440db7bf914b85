// The page's own script: what the reader chooses goes to the charts as signals, and a click opens an analysis.
// Vega draws; numbers and words are made when the page is written. Everything given is set as text, never as HTML.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const page = read("page-data");
  const { labels, texts, axes, specifications } = page;
  const column = (name) => {
    const values = specifications.columns[name];
    return Array.isArray(values) ? (i) => values[i] : () => values.all;
  };
  const get = Object.fromEntries(Object.keys(specifications.columns).map((name) => [name, column(name)]));
  const label = (key, i) => (get[key](i) < 0 ? null : labels[key][get[key](i)]);
  // A count too small to be shown is held back as -1.
  const shownCount = (value) => (value < 0 ? null : value);
  const sides = ["below", "above", "includes"];

  // Rows of the primary population without a landmark: what the charts of the grid draw.
  const specs = Array.from({ length: specifications.headline }, (_, i) => ({
    i, T: label("T", i), D: label("D", i), G: label("G", i), C: label("C", i), S: label("S", i),
    Gt: label("G", i) && `${page.choices[0].label.slice(0, -page.choices[0].value.length)}${label("G", i)}`,
    Ct: label("C", i) && (label("C", i) === "no caliper" ? "no caliper" : `Caliper ${label("C", i)}`),
    estimator: page.estimators[get.E(i)], matching: get.E(i) === page.matched,
    hr: get.hr(i), lo: get.lo(i), hi: get.hi(i), inverse: get.hr(i) ? 1 / get.hr(i) : null,
    p: get.p(i), pt: get.pt(i), n: shownCount(get.n(i)), events: shownCount(get.events(i)), smd: get.smd(i), matched: get.matched(i),
    el: get.el(i), eh: get.eh(i), tb: get.tb(i), care: get.care(i) || "none", gate: Boolean(get.gate(i)), primary: Boolean(get.primary(i)), side: sides[get.side(i)],
  }));

  // On a narrow screen the contents list is a sheet that begins folded.
  const contents = document.querySelector("nav details");
  const narrow = window.matchMedia("(max-width: 63.99rem)");
  const fold = () => { contents.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  contents.addEventListener("click", (event) => { if (event.target.matches("a")) fold(); });
  fold();

  const own = { specs: () => specs, shares };
  const state = read("first-view");
  const everything = structuredClone(state.chosen);
  const views = new Map();

  // Charts

  const fitted = (text, room) => JSON.parse(text, (key, value) => {
    const parts = key === "width" && /^@(\d+):(\d+)$/.exec(value);
    return parts ? Math.max(40, Math.floor((room - parts[2]) / parts[1])) : value;
  });

  async function draw(holder, data = {}) {
    const name = holder.dataset.chart;
    const text = document.getElementById(`spec-${name}`).textContent;
    const room = Math.max(holder.clientWidth, Number(holder.dataset.least || 300));
    const spec = fitted(text, room - 4);
    spec.datasets = { ...Object.fromEntries(Object.entries(own).filter(([set]) => text.includes(`{"name":"${set}"}`))
      .map(([set, rows]) => [set, rows()])), ...data };
    for (const param of spec.params || []) if (param.name in state) param.value = state[param.name];
    views.get(name)?.finalize();
    const result = await window.vegaEmbed(holder, spec, {
      renderer: "svg", actions: false, tooltip: { theme: "page" }, logLevel: 1,
    });
    views.set(name, result);
    holder.dataset.drawn = room;
    holder.querySelector("svg")?.setAttribute("aria-hidden", "true");
    result.view.addEventListener("click", (_, item) => clicked(name, item?.datum));
    if (name === "curve-chart") watchBrush(result.view);
    sayIfEmpty(holder);
    return result.view;
  }

  // Lines of reference are hidden from screen readers; what is left is what the chart shows.
  function sayIfEmpty(holder) {
    const note = holder.parentElement.querySelector("[data-emptied]");
    if (note) note.hidden = Boolean(holder.querySelector(".role-mark > [aria-roledescription]"));
  }

  const charts = [...document.querySelectorAll("[data-chart]:not([data-on-demand])")];
  let drawing = Promise.resolve();
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      // One after another, in the order of the page: the first chart is there before the next begins.
      if (isIntersecting) { seen.unobserve(target); drawing = drawing.then(() => target.dataset.drawn || draw(target)); }
    }
  }, { rootMargin: "600px" });
  charts.forEach((holder) => seen.observe(holder));
  const drawAll = async () => {
    await Promise.all(charts.filter((holder) => !holder.dataset.drawn).map((holder) => draw(holder)));
  };
  // Paper unfolds nothing: what is folded is printed open, but the longest tables, and folded again.
  const unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded.push(...document.querySelectorAll("main details:not([open], .no-print, .long)"));
    unfolded.forEach((part) => { part.open = true; });
    drawAll();
  });
  window.addEventListener("afterprint", () => unfolded.splice(0).forEach((part) => { part.open = false; }));

  let resizing;
  window.addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => {
      for (const holder of charts) {
        if (holder.dataset.drawn && Math.abs(holder.dataset.drawn - holder.clientWidth) > 8) draw(holder);
      }
    }, 200);
  });

  // Controls

  let told = 0;

  async function refresh(holder) {
    const view = views.get(holder.dataset.chart)?.view;
    if (!view) return;
    // What moves the answer has other rows, and with them another height.
    if (holder.dataset.chart === "attribution-chart") { await draw(holder); return; }
    for (const [name, value] of Object.entries(state)) view.signal(name, value);
    await view.runAsync();
    sayIfEmpty(holder);
  }

  function tell() {
    told += 1;
    const now = told;
    for (const holder of charts) drawing = drawing.then(() => now === told && refresh(holder));
    for (const figure of document.querySelectorAll("[data-kept]")) figure.hidden = !kept(JSON.parse(figure.dataset.kept));
    describe();
    fillTable();
  }

  // Another set of covariates estimates something else, as another threshold, dose or estimator does.
  const ofSet = (row) => !row.S || row.S === state.set;
  const inBlock = (row) => row.T === state.threshold && row.D === state.dose && row.estimator === state.estimator && ofSet(row);
  const kept = (row) => ["G", "C"].every((key) => !row[key] || state.chosen[key].includes(row[key]))
    && (state.chosen.gate === "all" || row.gate !== false);
  const shown = () => specs.filter((row) => inBlock(row) && kept(row));

  function middle(rows) {
    const sorted = rows.map((row) => row.hr).sort((a, b) => a - b);
    const half = sorted.length / 2;
    return [sorted, sorted.length % 2 ? sorted[Math.floor(half)] : Math.sqrt(sorted[half - 1] * sorted[half])];
  }

  // Models that adjust for covariates balance nothing, so they pass no gate.
  function gateWords(rows) {
    if (rows.every((row) => row.smd === null)) return "";
    const through = rows.filter((row) => row.gate);
    return through.length ? `; through the balance gate ${through.length}, median ${middle(through)[1].toFixed(2)}`
      : "; none is through the balance gate";
  }

  function describe() {
    const rows = shown().filter((row) => row.hr !== null);
    const whole = specs.filter(inBlock);
    const below = rows.filter((row) => row.hr < 1).length;
    const [sorted, median] = middle(rows);
    document.getElementById("block-words").textContent = rows.length
      ? `${rows.length} of ${whole.length} analyses shown (${state.estimator}, ${state.threshold}, ${page.names.dose} `
        + `${state.dose}${rows[0].S ? `, adjusted for ${state.set}` : ""}): hazard ratio below 1 in ${below}, median ${median.toFixed(2)}, from `
        + `${sorted[0].toFixed(2)} to ${sorted.at(-1).toFixed(2)}${gateWords(rows)}.`
      : `None of ${whole.length} analyses is left (${state.estimator}, ${state.threshold}, ${page.names.dose} ${state.dose}).`;
  }

  function choose(name, value) { state[name] = value; syncControls(); tell(); }

  function syncControls() {
    for (const field of document.querySelectorAll("[data-control]")) field.value = state[field.dataset.control];
    for (const box of document.querySelectorAll("[data-choice]")) {
      const key = box.dataset.choice;
      box.checked = key === "gate" ? state.chosen.gate === "through" : state.chosen[key].includes(box.value);
    }
  }

  function keepChecked() {
    const chosen = { G: [], C: [], gate: "all" };
    for (const box of document.querySelectorAll("[data-choice]")) {
      if (box.dataset.choice === "gate") chosen.gate = box.checked ? "through" : "all";
      else if (box.checked) chosen[box.dataset.choice].push(box.value);
    }
    state.chosen = chosen;
    tell();
  }

  document.addEventListener("change", ({ target }) => {
    if (target.dataset.control) choose(target.dataset.control, target.value);
    else if (target.dataset.choice) keepChecked();
  });
  document.getElementById("reset").addEventListener("click", () => {
    state.chosen = structuredClone(everything);
    syncControls();
    tell();
    // The mark of the last drag goes with it.
    const curve = document.querySelector("[data-chart=curve-chart]");
    drawing = drawing.then(() => curve.dataset.drawn && draw(curve));
  });

  // Dragging over rows of the decision panel keeps those choices; an axis without a row keeps them all.
  function watchBrush(view) {
    let waiting;
    view.addSignalListener("decide", (_, value) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const rows = page.choices.filter((choice) => (value.choice || []).includes(choice.label));
        if (!rows.length) return;
        state.chosen = structuredClone(everything);
        for (const key of ["G", "C"]) {
          const values = rows.filter((row) => row.field === key).map((row) => row.value);
          if (values.length) state.chosen[key] = values;
        }
        if (rows.some((row) => row.field === "gate")) state.chosen.gate = "through";
        syncControls();
        tell();
      }, 250);
    });
  }

  function clicked(name, datum) {
    const row = datum?.i !== undefined ? datum : datum?.datum;
    if (row?.i === undefined) return;
    if (name !== "blocks-chart") { open(row.i); return; }
    state.threshold = row.T;
    state.dose = row.D;
    syncControls();
    tell();
    document.getElementById("curve").scrollIntoView({ behavior: "smooth" });
  }

  // What moves the log hazard ratio of the analyses kept: sums of squares of a full factorial, a mean less those of
  // its parts. Levels with the largest share of gaps go until there is none, as in the tables.
  function attribution(rows) {
    const factors = ["G", "C"].map((key) => [key, labels[key].filter((level) => rows.some((row) => row[key] === level))])
      .filter(([, levels]) => levels.length > 1);
    const keys = factors.map(([key]) => key);
    const place = (cell, part) => JSON.stringify(part.map((key) => cell[key]));
    const found = new Map(rows.filter((row) => row.hr !== null).map((row) => [place(row, keys), Math.log(row.hr)]));
    let cells = factors.reduce((all, [key, levels]) => all.flatMap((cell) => levels.map((level) => ({ ...cell, [key]: level }))), [{}]);
    const gap = (cell) => !found.has(place(cell, keys));
    while (cells.some(gap)) {
      let worst = { share: -1 };
      for (const [key, levels] of factors) {
        for (const level of levels) {
          const here = cells.filter((cell) => cell[key] === level);
          const share = here.filter(gap).length / here.length;
          if (share > worst.share) worst = { key, level, share };
        }
      }
      cells = cells.filter((cell) => cell[worst.key] !== worst.level);
    }
    const parts = keys.reduce((all, key) => [...all, ...all.map((part) => [...part, key])], [[]]).sort((a, b) => a.length - b.length);
    const effects = new Map();
    for (const part of parts) {
      const sums = new Map();
      for (const cell of cells) {
        const [sum, count] = sums.get(place(cell, part)) || [0, 0];
        sums.set(place(cell, part), [sum + found.get(place(cell, keys)), count + 1]);
      }
      const smaller = [...effects].filter(([other]) => other.every((key) => part.includes(key)));
      effects.set(part, cells.map((cell, at) => {
        const [sum, count] = sums.get(place(cell, part));
        return smaller.reduce((rest, [, effect]) => rest - effect[at], sum / count);
      }));
    }
    const squares = [...effects].filter(([part]) => part.length).map(([part, effect]) => [part, effect.reduce((sum, e) => sum + e * e, 0)]);
    // Of a match also the order of equal scores: the variance between the orders, summed over the same cells.
    const between = new Map(rows.map((row) => [place(row, keys), row.tb]));
    const ties = cells.map((cell) => between.get(place(cell, keys)));
    if (ties.every((tie) => tie !== null && tie !== undefined)) squares.push([["tie"], ties.reduce((sum, tie) => sum + tie, 0)]);
    const total = squares.reduce((sum, [, square]) => sum + square, 0);
    return total > 0 ? squares.map(([part, square]) => [part, square / total]) : [];
  }

  function shares() {
    return page.estimators.flatMap((estimator) => attribution(
      specs.filter((row) => row.T === state.threshold && row.D === state.dose && row.estimator === estimator && ofSet(row) && kept(row)),
    ).map(([part, share]) => ({
      estimator, term: page.terms[part.join("")], share, kind: part[0] === "tie" ? "no choice" : part.length > 1 ? "only together" : "one choice alone",
      text: share < 0.005 ? "<1 %" : `${Math.round(100 * share)} %`,
    })));
  }

  // Tables

  const element = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const two = (value) => (value === null || value === undefined ? "–" : Math.abs(value) < 1e-9 ? "0.00" : value >= 100 || value < 0.01
    ? value.toExponential(1) : value.toFixed(2));
  const limits = (i) => (get.hr(i) === null ? get.why(i) || "–" : `${two(get.hr(i))} (${two(get.lo(i))} to ${two(get.hi(i))})`);
  const cell = (value) => (value === null || value === undefined ? "–"
    : value < 0 ? `<${page.names.minimum}` : value.toLocaleString("en"));

  function table(holder, heads, rows) {
    const made = element("table", undefined, { class: "data" });
    const head = made.createTHead().insertRow();
    heads.forEach((text, at) => head.append(element("th", text, { scope: "col", class: at ? "" : "corner" })));
    const body = made.createTBody();
    for (const cells of rows) {
      const line = body.insertRow();
      cells.forEach((content, position) => {
        const box = position ? element("td") : element("th", undefined, { scope: "row" });
        box.append(content instanceof Node ? content : document.createTextNode(content));
        line.append(box);
      });
    }
    holder.replaceChildren(made);
  }

  const folded = document.getElementById("block-table");
  function fillTable() {
    if (!folded.open) return;
    const rows = shown().sort((a, b) => (a.hr ?? Infinity) - (b.hr ?? Infinity));
    table(folded.querySelector(".scroll"),
      ["Analysis", "Hazard ratio (CI)", "1/HR", "P", "Patients", "Events", "Largest |SMD|", "Gate"],
      rows.map((row) => {
        const button = element("button", [row.Gt, row.Ct, row.S].filter(Boolean).join(", ") || row.estimator,
          { type: "button", class: "link" });
        button.addEventListener("click", () => open(row.i));
        return [button, limits(row.i), two(row.inverse), row.pt, cell(get.n(row.i)), cell(get.events(row.i)), two(row.smd),
          row.smd === null ? "–" : row.gate ? "yes" : "no"];
      }));
  }
  folded.addEventListener("toggle", fillTable);

  // One analysis

  const card = document.getElementById("analysis");
  const key = (i, parts) => parts.map((name) => get[name](i)).join(".");

  function facts(i) {
    const rows = [
      ["Hazard ratio", `${limits(i)}, P ${get.pt(i)}`],
      ["The other way round", get.hr(i) === null ? "–" : `${two(1 / get.hr(i))} (${two(1 / get.hi(i))} to ${two(1 / get.lo(i))})`],
      ["Patients, events", `${cell(get.n(i))}, ${cell(get.events(i))}`],
    ];
    if (get.E(i) === page.matched) {
      const focal = get.focal(i) === 1 ? "at or above the cutoff" : "below the cutoff";
      rows.push(["Pairs", get.pairs(i) === null ? "–" : `${cell(get.pairs(i))}; ${Math.round(100 * get.matched(i))} % of the smaller arm (${focal})`]);
      rows.push(["Over the orders of equal scores", get.el(i) === null ? "–" : `${two(get.el(i))} to ${two(get.eh(i))}`]);
      rows.push(["Rosenbaum’s Γ", get.gamma(i) === null ? "– (one-sided P of the pairs’ scores above 0.05 without any bias)" : two(get.gamma(i))]);
    }
    if (get.smd(i) !== null) {
      rows.push(["Largest |SMD|", `${two(get.smd(i))} baseline, ${two(get.smdp(i))} of the score${get.gate(i) ? "; through the gate" : "; not through the gate"}`]);
    }
    if (get.care(i)) rows.push(["Caution", `rests on ${get.care(i)}`]);
    rows.push(["E-value (of the limit)", get.ev(i) === null ? "–" : `${two(get.ev(i))} (${two(get.evl(i))})`]);
    return rows;
  }

  function related(i) {
    const same = (name, j) => get[name](j) < 0 || get[name](i) < 0 || get[name](i) === get[name](j);
    const rows = [];
    for (let j = 0; j < specifications.rows; j += 1) if (["T", "D", "G", "C"].every((name) => same(name, j))) rows.push(j);
    return rows;
  }

  function scenarioPath(i) {
    const parts = ["T", "D", "G", "C"].map((name, place) => {
      const at = get[name](i) < 0 ? page.primary[place] : get[name](i);
      return `${axes[name]}~${texts[name][at]}`;
    });
    return `results/scenarios/${parts.join("/")}.parquet`;
  }

  const arms = (i) => {
    const whose = page.curves.whose[get.E(i) === page.matched ? key(i, ["T", "D", "G", "C", "S"])
      : `${get.T(i)}.${get.D(i)}.-1.-1.-1`] || [];
    const high = label("D", i);
    return [[1, high], [0, high.replace("≥", "<")]].flatMap(([side, arm]) => {
      if (!whose[side]) return [];
      const [time, survival, risk] = page.curves.shapes[whose[side]];
      return time.map((t, at) => ({ arm, time: t, survival: survival[at], risk: risk[at] || `<${page.names.minimum}` }));
    });
  };

  function balance(i) {
    const { names, smd } = page.balance;
    const before = smd[`${get.T(i)}.${get.D(i)}.${get.G(i)}.-1.${get.S(i)}.0`] || [];
    const after = smd[`${key(i, ["T", "D", "G", "C", "S"])}.${get.E(i)}`] || [];
    const stages = (at) => (get.E(i) ? [["Before", before[at]], ["After", after[at]]] : [["Before", before[at]]]);
    return names.flatMap((name, at) => stages(at)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([when, value]) => ({ name, stage: when, smd: value })));
  }

  // What a paper prints of the primary scenario.
  function printed(i, kind) {
    const matched = get.E(i) === page.matched;
    return page.printed.filter((row) => get.primary(i) && row.kind === kind
      && (row.matched ? matched && row.S === get.S(i) : kind === "smd" || !matched))
      .map((row) => (kind === "smd" ? { ...row, stage: row.matched ? "After" : "Before" } : row));
  }

  async function open(i) {
    const words = [page.estimators[get.E(i)], label("T", i), `${page.names.dose} ${label("D", i)}`,
      label("G", i) && `${page.names.gtv} ${label("G", i)}`, specs[i].Ct?.toLowerCase(), label("S", i),
      get.primary(i) && "primary scenario"].filter(Boolean);
    document.getElementById("analysis-title").textContent = words.join(", ");
    const list = document.getElementById("analysis-facts");
    list.replaceChildren(...facts(i).flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
    const path = scenarioPath(i);
    document.getElementById("analysis-command").textContent = `snakemake --cores 2 --force ${path}`;
    const digest = page.provenance.scenarios?.[path];
    document.getElementById("analysis-digest").textContent = digest || "–";
    table(document.getElementById("analysis-estimates"),
      ["Estimator", "Patients of", "Adjusted for", "Landmark", "Hazard ratio (CI)", "1/HR", "P", "Patients", "Events"],
      related(i).map((j) => [
        page.estimators[get.E(j)] + (get.O(j) < 0 ? "" : `: ${page.orders[get.O(j)]}`), page.populations[get.P(j)],
        label("S", j) || "none", get.L(j) ? `${get.L(j)} ${page.names.time}` : "none", limits(j),
        get.hr(j) === null ? "–" : two(1 / get.hr(j)), get.pt(j), cell(get.n(j)), cell(get.events(j))]));
    if (!card.open) card.showModal();
    card.scrollTop = 0;
    const km = [...arms(i), ...printed(i, "survival")];
    const curveOf = get.E(i) === page.matched ? "matched pairs" : "all patients, unweighted";
    document.getElementById("analysis-km-words").textContent = km.length
      ? `Survival of ${curveOf}; each step holds at least ${page.names.minimum} events, so that the curve is exact where it falls and above the whole one between.${
        km.some((row) => row.published !== undefined) ? " Purple: published." : ""}` : "No curve: too few patients.";
    const holders = Object.fromEntries([...card.querySelectorAll("[data-chart]")].map((h) => [h.dataset.chart, h]));
    const love = [...balance(i), ...printed(i, "smd")];
    holders["scenario-love"].closest("figure").hidden = !love.length;
    await draw(holders["scenario-km"], { km });
    if (love.length) await draw(holders["scenario-love"], { love });
  }
  // A link leads out of the card, to the page behind it.
  card.addEventListener("click", (event) => { if (event.target === card || event.target.closest("a")) card.close(); });

  syncControls();
  describe();
  document.documentElement.dataset.ready = "true";
  window.robustness = { drawAll, views, state, specs, open, settled: () => drawing.then(() => null) };
})();
